"""What a person sees of a drill: plain lines in a log, a silent service against its budget."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from cli.drill import print_result
from cli.live import LivePhases
from drills.result import Answer
from drills.runner import Kept
from tests.unit.test_drills_series import result


def lines() -> tuple[LivePhases, StringIO]:
    text = StringIO()
    return LivePhases("Drill power-off", Console(file=text, width=100)), text


def test_a_log_has_one_line_for_each_change() -> None:
    live, text = lines()
    with live.shown():
        live.phase("Fault")
        live.say("node1 is off")
        live.say("node1 is off")
        live.service(0.4, 40)
        live.service(3.0, 40)
        live.service(5.0, 40)
        live.service(0.2, 40)
    assert [line.partition("] ")[2].strip() or line for line in text.getvalue().splitlines()] == [
        "Drill power-off",
        "Fault",
        "node1 is off",
        "the service is silent (may be for 40 s)",
        "the service answers",
    ]


def test_a_terminal_shows_silence_against_the_budget() -> None:
    text = StringIO()
    console = Console(file=text, width=100, force_terminal=True, color_system=None)
    live = LivePhases("Drill power-off", console)
    live.phase("Looking at the lab")
    live.phase("Fault")
    live.service(12.0, 40)
    console.print(live._render())
    shown = text.getvalue()
    assert "▸ Fault" in shown and "✔ Looking at the lab" in shown
    assert "service silent" in shown and "12.0 s of 40.0 s" in shown


def test_a_verdict_shows_evidence_and_how_to_see_what_is_wrong() -> None:
    text = StringIO()
    kept = Kept(result(Answer.PASS, Answer.FAIL, Answer.UNKNOWN), Path("x.json"))
    print_result(Console(file=text, width=120), kept)
    shown = text.getvalue()
    assert "✘ FAIL  A node loses its power: node1" in shown
    assert "client outage 30.0 s of 40.0 s" in shown
    assert "✔ Question 0?  <seen> & heard" in shown
    assert shown.count("see: look") == 2
    assert "again:  ./halab drill story power-off" in shown

"""A lab's status as a plugin: exit status, words and performance data."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import typer

from cli import status
from cli.nagios import CRITICAL, OK, UNKNOWN, WARNING, plugin_line
from core.errors import HalabError
from parts.all import Parts
from status.collect import describe
from status.model import LabStatus, MonitoringState
from status.problems import Alarm, Problem, Severity
from tests.unit.broken_lab import outside
from tests.unit.healthy_lab import HEALTHY, PARTS, healthy
from tests.unit.sketched import SHOP, TRIO

PROBLEM = Problem(
    alarm=Alarm.LINK_DOWN,
    name="Cluster link 0 of node1 is down",
    host="node1",
    severity=Severity.AVERAGE,
    since=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
)


def lab(**changes: Any) -> LabStatus:
    found = describe(PARTS, HEALTHY, None)
    base = {"monitoring": MonitoringState.ANSWERS, "problems": ()}
    return found.model_copy(update={**base, **changes})


def silent_service() -> LabStatus:
    found = describe(PARTS, outside(answering=frozenset()), None)
    return lab(services=found.services, reasons=found.reasons, healthy=False)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (lab(), OK, "healthy"),
        (lab(problems=(PROBLEM,)), WARNING, "node1: Cluster link 0 of node1 is down"),
        (lab(healthy=False, reasons=("a | b",)), WARNING, "a / b"),
        (silent_service(), CRITICAL, "the service does not answer (1 findings)"),
        (lab(quorum=None), CRITICAL, "no quorum"),
        (silent_service().model_copy(update={"quorum": None}), UNKNOWN, "can be asked"),
        (lab(monitoring=MonitoringState.UNREACHABLE, problems=None), UNKNOWN, "monitoring"),
        (lab(monitoring=MonitoringState.OFF, problems=None), OK, "healthy"),
    ],
)
def test_one_line_says_it_all(status: LabStatus, code: int, words: str) -> None:
    found, line = plugin_line(status)
    assert (found, words in line) == (code, True), line
    assert "\n" not in line
    assert line.count("|") == 1


def test_performance_data_can_be_drawn() -> None:
    performance = plugin_line(lab(problems=(PROBLEM,)))[1].partition("| ")[2]
    assert performance == "problems=1;;;0 reasons=0;;;0 votes=3;;;0;3 links=4;;;0;4"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (PARTS, "node1 is active"),
        (TRIO, "web on node1, node2, node3"),
        (SHOP, "web on node1; books on node1"),
    ],
)
def test_a_healthy_line_says_where_clients_are_served(parts: Parts, words: str) -> None:
    code, line = plugin_line(describe(parts, healthy(parts), None))
    name = parts.inventory.lab
    assert (code, line.partition(" | ")[0]) == (OK, f"HALAB OK - {name}: healthy, {words}")


def test_one_silent_address_of_three_is_critical() -> None:
    seen = healthy(TRIO)
    assert seen.monitor is not None
    first, *others = sorted(seen.monitor.answering)
    code, line = plugin_line(describe(TRIO, outside(seen=seen, answering=frozenset(others)), None))
    assert (code, f"no answer at http://{first}/ (1 findings)" in line) == (CRITICAL, True), line
    assert "votes=3;;;0;3 links=12;;;0;12" in line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            HalabError("no lab named 'web' here\n(labs: none)"),
            "no lab named 'web' here (labs: none)",
        ),
        (PermissionError(13, "Permission denied", "/lab/inventory.json"), "Permission denied"),
    ],
)
def test_a_lab_that_cannot_be_looked_at_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(status, "existing_lab", fail)
    with pytest.raises(typer.Exit) as caught:
        status.status("web", nagios=True)
    assert caught.value.exit_code == UNKNOWN
    printed = capsys.readouterr().out
    assert printed.startswith("HALAB UNKNOWN - web: ")
    assert said in printed
    assert printed.count("\n") == 1

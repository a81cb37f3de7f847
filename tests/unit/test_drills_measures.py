"""Outages, ledgers, timelines and hypervisor events are measured as they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills.audits import BAD_NEWS, find_bad_news
from drills.ledger import compare, parse_checksums
from drills.power import parse_events
from drills.probes import Attempt, Outage, parse_attempts, settled, worst_outage
from drills.timeline import cut, find_milestones, parse_journal
from drills.verdicts import Verdict, ask, require
from labs.timing import Budget

FIXTURES = Path(__file__).parent / "fixtures" / "drills"
BUDGET = Budget(detection_s=6.6, decision_s=4, fencing_s=14, promotion_s=8, start_s=16)


def probe(at: float, *, ok: bool = True) -> Attempt:
    return Attempt("probe", ok, at - 0.05, at, 1000 + at, "")


def write(entry: str, digest: str, *, ok: bool = True) -> Attempt:
    return Attempt("write", ok, 0, 0, 0, "", entry, digest)


def test_the_outage_is_the_largest_gap_between_successes() -> None:
    attempts = [probe(1), probe(2), probe(3, ok=False), probe(9), probe(10), probe(12)]
    assert worst_outage(attempts) == Outage(7, 1002, 1009)


def test_gaps_before_the_story_do_not_count() -> None:
    attempts = [probe(1), probe(9), probe(10), probe(12)]
    assert worst_outage(attempts, since=1009).seconds == 2


def test_an_outage_that_never_ended_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="only 1 probes"):
        worst_outage([probe(1), probe(2, ok=False)])


def test_the_service_is_back_when_it_failed_and_then_answered_for_a_while() -> None:
    healthy = [probe(n) for n in range(20)]
    assert not settled(healthy, 0)
    assert not settled([*healthy, probe(20, ok=False)], 0)
    assert not settled([*healthy, probe(20, ok=False), probe(21)], 0)
    assert settled([*healthy, probe(20, ok=False), probe(25)], 0)
    assert not settled([*healthy, probe(20, ok=False), probe(25)], since=1021)


def test_a_line_that_is_still_being_written_is_left_out() -> None:
    whole = (
        '{"kind": "probe", "ok": true, "begun": 1.0, "ended": 1.1, "wall": 5.0, "status": 200}\n'
    )
    [attempt] = parse_attempts(whole + '{"kind": "pro')
    assert (attempt.ok, attempt.ended, attempt.error) == (True, 1.1, "200")
    assert parse_attempts('{"kind"') == ()


def test_books_that_balance() -> None:
    attempts = [write("a", "1"), write("b", "2", ok=False), write("c", "3")]
    books = compare(attempts, {"a": "1", "b": "other", "c": "3"})
    assert books.complete
    assert (books.acknowledged, books.unpromised) == (2, 1)
    assert str(books) == "all 2 acknowledged writes are there"


def test_a_lost_and_an_altered_write() -> None:
    books = compare([write("a", "1"), write("b", "2")], {"b": "3"})
    assert not books.complete
    assert (books.missing, books.altered) == (("a",), ("b",))


def test_books_without_a_promise_prove_nothing() -> None:
    assert not compare([write("a", "1", ok=False)], {}).complete


def test_checksums() -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert parse_checksums(f"{digest}  /srv/data/www/ledger/run-000001\n") == {"run-000001": digest}


def test_the_survivors_journal_gives_the_steps() -> None:
    lines = parse_journal((FIXTURES / "journal-power_loss.txt").read_text())
    found = find_milestones(lines, victim="node1", survivor="node2")
    assert None not in vars(found).values()
    outage = Outage(33.4, found.membership - 6.5, found.address + 0.4)  # type: ignore[operator]
    timeline = cut(outage, found, BUDGET)
    assert timeline.fenced_first is True
    taken = [step.seconds for step in timeline.steps]
    assert all(seconds is not None and seconds > 0 for seconds in taken)
    assert sum(filter(None, taken)) == pytest.approx(outage.over - outage.began)
    assert str(timeline).startswith("client outage 33.4 s of 49.6 s\n  detection  6.5 s of  6.6 s")


def test_steps_that_were_not_logged_cannot_be_told() -> None:
    timeline = cut(Outage(1, 0, 1), find_milestones((), "node1", "node2"), BUDGET)
    assert timeline.fenced_first is None
    assert {step.seconds for step in timeline.steps} == {None}


def test_hypervisor_events() -> None:
    text = (FIXTURES / "virsh-events.txt").read_text()
    events = parse_events(text, {"lab-node1": "node1", "lab-node2": "node2"})
    assert [(event.machine, event.kind, event.is_reset) for event in events] == [
        ("node1", "lifecycle", True),
        ("node1", "lifecycle", False),
        ("node2", "reboot", True),
        ("node2", "watchdog", True),
    ]
    assert events[0].at == pytest.approx(1795482693.123)


def test_bad_news_is_found_by_name() -> None:
    journal = (
        "Nov 24 01:00:00.1 node1 kernel: block drbd0: Split-Brain detected but unresolved\n"
        "Nov 24 01:00:01.1 node1 sbd[1]: notice: all is well\n"
    )
    assert [name for name, _ in find_bad_news(journal, BAD_NEWS)] == ["split brain"]


def test_what_could_not_be_told_is_not_a_pass() -> None:
    def breaks() -> tuple[bool, str]:
        raise ValueError("no answer")

    verdicts = [
        Verdict("one", True, "fine"),
        ask("two", lambda: (False, "because")),
        ask("three", breaks),
    ]
    with pytest.raises(AssertionError) as raised:
        require(verdicts)
    assert str(raised.value) == "two: NO. because\nthree: COULD NOT TELL. no answer"

"""Outages, ledgers, timelines and hypervisor events are measured as they are meant."""

from __future__ import annotations

import hashlib
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from drills import probes
from drills.catalogue import find
from drills.ledger import Entry, compare, parse_entries
from drills.marks import marks
from drills.news import find_bad_news
from drills.power import Event, parse_events
from drills.probes import (
    Attempt,
    Outage,
    Probe,
    Sighting,
    gaps,
    outages,
    parse_attempts,
    parse_sightings,
    settled,
)
from drills.result import MarkKind
from drills.timeline import Line, done, find_milestones, first_after, parse_journal, phases
from labs.durations import Budget
from parts.services.base import ServicePart
from parts.services.nginx import Nginx
from tests.unit.provisioned_lab import this_machine
from tests.unit.situations import situation
from tests.unit.sketched import SHOP, STORY

FIXTURES = Path(__file__).parent / "fixtures" / "drills"
BUDGET = Budget(detection_s=6.6, decision_s=4, fencing_s=14, promotion_s=8, start_s=16)


def probe(at: float, *, ok: bool = True, address: str = "a") -> Attempt:
    return Attempt("probe", address, ok, at - 0.05, at, 1000 + at, "")


def write(entry: str, digest: str, *, ok: bool = True) -> Attempt:
    return Attempt("write", "a", ok, 0, 0, 0, "", entry, digest)


def the_outage(attempts: list[Attempt], since: float = 0.0) -> Outage:
    """Return what was measured at the only address."""
    [found] = outages(attempts, since)
    return found


def test_the_outage_is_the_largest_gap_between_successes() -> None:
    attempts = [probe(1), probe(2), probe(3, ok=False), probe(9), probe(10), probe(12)]
    assert the_outage(attempts) == Outage(7, 1002, 1009, "a")


def test_every_gap_of_an_address_is_told_apart() -> None:
    attempts = [probe(1), probe(2), probe(3, address="b"), probe(4, ok=False), probe(9), probe(10)]
    assert [gap.seconds for gap in gaps(attempts, "a", 0.0)] == [1, 7, 1]
    assert [gap.seconds for gap in gaps(attempts, "a", 1005.0)] == [1]
    assert gaps(attempts, "b", 0.0) == ()


def test_clients_of_one_run_are_told_apart_and_forgotten_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    class Monitor:
        def __init__(self, _: object) -> None: ...
        def __enter__(self) -> Monitor:
            return self

        def __exit__(self, *_: object) -> None: ...
        def run(self, command: str, **_: object) -> None:
            told.extend(shlex.split(command))

    monkeypatch.setattr(probes, "Remote", Monitor)
    clients = [Probe(cast(Any, None), "0a1b2c3d", name) for name in ("web", "books")]
    assert len({client.unit for client in clients} | {client.log for client in clients}) == 4
    probes.forget(SHOP.inventory, "0a1b2c3d")
    [stopped] = [word for word in told if word.startswith("halab-probe-")]
    [removed] = [word for word in told if word.endswith(".jsonl")]
    assert all(fnmatch(client.unit, stopped) for client in clients)
    assert all(fnmatch(client.log, removed) for client in clients)
    stranger = Probe(cast(Any, None), "ffffffff", "web")
    assert not fnmatch(stranger.unit, stopped) and not fnmatch(stranger.log, removed)


def test_runs_whose_clients_were_left_are_found_by_their_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web, books, other = (
        Probe(cast(Any, None), run, name).unit
        for run, name in (("0a1b2c3d", "web"), ("0a1b2c3d", "my-books"), ("ffffffff", "web"))
    )
    listed = "".join(f"{unit}.service loaded active running x\n" for unit in (web, books, other))
    monitor = MagicMock()
    monitor.return_value.__enter__.return_value.run.return_value.stdout = listed
    monkeypatch.setattr(probes, "Remote", monitor)
    assert probes.running(SHOP.inventory) == ("0a1b2c3d", "ffffffff")


def test_gaps_before_the_story_do_not_count() -> None:
    attempts = [probe(1), probe(9), probe(10), probe(12)]
    assert the_outage(attempts, since=1009).seconds == 2


def test_each_address_has_an_outage_of_its_own() -> None:
    attempts = [
        *(probe(at, address="a") for at in (1, 2, 9)),
        *(probe(at, address="b") for at in (1.5, 4.5, 9.5)),
    ]
    assert {gap.address: gap.seconds for gap in outages(attempts)} == {"a": 7, "b": 5}


def test_an_address_that_never_came_back_cannot_be_told() -> None:
    attempts = [probe(1), probe(2), probe(1, address="b"), probe(2, ok=False, address="b")]
    with pytest.raises(ValueError, match="only 1 probes of b"):
        outages(attempts)


def test_nobody_asked() -> None:
    with pytest.raises(ValueError, match="no probe was made"):
        outages([write("a", "1")])


def test_an_outage_that_never_ended_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="only 1 probes of a"):
        the_outage([probe(1), probe(2, ok=False)])


def test_the_service_is_back_when_it_failed_and_then_answered_for_a_while() -> None:
    healthy = [probe(n) for n in range(20)]
    assert not settled(healthy, 0)
    assert not settled([*healthy, probe(20, ok=False)], 0)
    assert not settled([*healthy, probe(20, ok=False), probe(21)], 0)
    assert settled([*healthy, probe(20, ok=False), probe(25)], 0)
    assert not settled([*healthy, probe(20, ok=False), probe(25)], since=1021)


def test_a_line_that_is_still_being_written_is_left_out() -> None:
    whole = (
        '{"kind": "probe", "address": "a", "ok": true, "begun": 1.0, "ended": 1.1, "wall": 5.0,'
        ' "error": "200"}\n'
    )
    [attempt] = parse_attempts(whole + '{"kind": "pro')
    assert (attempt.ok, attempt.ended, attempt.error) == (True, 1.1, "200")
    assert parse_attempts('{"kind"') == ()


def test_who_was_seen_is_told_apart_from_what_was_tried() -> None:
    line = (
        '{"kind": "arp", "address": "a", "begun": 1.0, "ended": 1.3, "wall": 5.0,'
        ' "hardware": ["aa", "bb"]}\n'
    )
    assert parse_attempts(line) == ()
    assert parse_sightings(line + '{"kind": "ar') == (Sighting(5.0, "a", ("aa", "bb")),)


def entry(name: str, digest: str, at: float = 0) -> Entry:
    return Entry(name, digest, at)


def test_books_that_balance() -> None:
    attempts = [write("a", "1"), write("b", "2", ok=False), write("c", "3")]
    books = compare(attempts, [entry("a", "1"), entry("b", "other"), entry("c", "3")])
    assert books.complete
    assert (books.acknowledged, books.unpromised) == (2, 1)
    assert str(books).startswith("all 2 acknowledged writes are there")


def test_a_lost_and_an_altered_write() -> None:
    books = compare([write("a", "1"), write("b", "2")], [entry("b", "3")])
    assert not books.complete
    assert (books.missing, books.altered) == (("a",), ("b",))


def test_duplicates_and_disorder_are_other_sins() -> None:
    attempts = [write("a", "1"), write("b", "2"), write("c", "3")]
    stored = [entry("a", "1", 10), entry("b", "2", 5), entry("c", "3", 11), entry("c", "3", 11)]
    books = compare(attempts, stored)
    assert (books.missing, books.altered) == ((), ())
    assert (books.repeated, books.disordered) == (("c",), ("b",))


def test_two_nodes_clocks_may_differ_a_little() -> None:
    attempts = [write("a", "1"), write("b", "2")]
    assert compare(attempts, [entry("a", "1", 10.4), entry("b", "2", 10)]).complete


def test_books_without_a_promise_prove_nothing() -> None:
    assert not compare([write("a", "1", ok=False)], ()).complete


def test_a_listing_of_the_ledger() -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    text = f"1795482693.25 /srv/l/run-000001\n\n{digest}  /srv/l/run-000001\n"
    assert parse_entries(text) == (Entry("run-000001", digest, 1795482693.25),)


def test_rows_of_a_ledger_read_as_files_do() -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    text = f"1795482693.251234 /run-000001\n\n{digest}  /run-000001\n"
    assert parse_entries(text) == (Entry("run-000001", digest, 1795482693.251234),)


@pytest.mark.parametrize("part", [*SHOP.services.values()], ids=[*SHOP.services])
def test_every_ledger_is_asked_for_one_run_alone(part: ServicePart) -> None:
    assert part.keeps_writes
    for text in (part.list_ledger("5c1e77a0"), part.clear_ledger("5c1e77a0")):
        assert "5c1e77a0-" in text


def test_a_web_servers_ledger_is_listed_and_cleared_where_it_stands(tmp_path: Path) -> None:
    part = STORY.services["web"]
    assert isinstance(part, Nginx)
    contents = {"run-000001": b"one", "run-000002": b"", "other-000001": b"three"}
    for name, body in contents.items():
        (tmp_path / name).write_bytes(body)

    def run(text: str) -> str:
        assert part.ledger in text
        return this_machine().run(text.replace(part.ledger, str(tmp_path))).stdout

    found = {entry.name: entry.sha256 for entry in parse_entries(run(part.list_ledger("run")))}
    assert found == {
        name: hashlib.sha256(contents[name]).hexdigest() for name in ("run-000001", "run-000002")
    }
    run(part.clear_ledger("run"))
    assert [path.name for path in tmp_path.iterdir()] == ["other-000001"]


def test_the_survivors_journal_gives_the_steps() -> None:
    lines = parse_journal((FIXTURES / "journal-power_loss.txt").read_text())
    found = find_milestones(lines, "node1", "node2", promoted="drbd", address="address")
    assert None not in vars(found).values()
    outage = Outage(33.4, found.membership - 6.5, found.address + 0.4, "a")  # type: ignore[operator]
    cut = phases(outage, found, BUDGET)
    assert [phase.name for phase in cut] == [
        "detection",
        "decision",
        "fencing",
        "promotion",
        "start",
    ]
    taken = [phase.ended - phase.began for phase in cut if phase.began and phase.ended]
    assert len(taken) == len(cut)
    assert all(seconds > 0 for seconds in taken)
    assert sum(taken) == pytest.approx(outage.over - outage.began)
    assert first_after(lines, done("promote", "drbd", "node2"), 0) == found.promoted


def test_what_happened_before_clients_noticed_took_none_of_their_time() -> None:
    lines = parse_journal((FIXTURES / "journal-power_loss.txt").read_text())
    found = find_milestones(lines, "node1", "node2", promoted="drbd", address="address")
    assert found.membership is not None and found.address is not None
    late = Outage(20.0, found.membership + 1, found.address, "a")
    detection = phases(late, found, BUDGET)[0]
    assert detection.began == detection.ended


def test_steps_that_were_not_logged_cannot_be_told() -> None:
    cut = phases(
        Outage(1, 0, 1, "a"),
        find_milestones((), "node1", "node2", promoted="drbd", address="address"),
        BUDGET,
    )
    assert [phase.ended for phase in cut] == [None, None, None, None, 1]


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


def test_a_suspended_machine_stands_still_but_has_lost_nothing() -> None:
    event = Event(1, "node1", "lifecycle", "Suspended Paused")
    assert (event.stands_still, event.is_reset) == (True, False)


def test_bad_news_is_found_by_name() -> None:
    journal = [
        Line(1, "kernel", "block drbd0: Split-Brain detected but unresolved"),
        Line(2, "sbd", "notice: all is well"),
    ]
    assert [name for name, _ in find_bad_news(journal)] == ["split brain"]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (
            "I/O error, dev vdb, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2",
            "disk trouble",
        ),
        ("Buffer I/O error on dev drbd0, logical block 33, lost async page write", "disk trouble"),
        ("EXT4-fs error (device drbd0): __ext4_find_entry:1683: inode #2: comm ls", "disk trouble"),
        ("sh: write error: Input/output error", "input/output error"),
        # What libbz2 makes of a disk without room.
        (
            "warning: Not compressing /var/lib/pacemaker/pengine/pe-input-25.bz2: could not write "
            "compressed data: Input/output error",
            "input/output error",
        ),
        # What dash says when whoever reads its pipe has gone.
        ("web_monitor_0@node2 output [ heartbeat/nginx: 237: echo: echo: I/O error ]", None),
    ],
)
def test_a_disk_that_fails_is_told_from_what_programs_call_so(
    message: str, name: str | None
) -> None:
    found = find_bad_news([Line(1, "kernel", message)])
    assert [each for each, _ in found] == ([] if name is None else [name])


def test_without_room_programs_may_complain_and_disks_may_not() -> None:
    expected = find("root-filesystem-full", STORY).expected(situation(STORY, "node1"))
    assert expected.allowed_news == {"input/output error"}


def test_marks_come_from_all_witnesses_in_order() -> None:
    lines = parse_journal((FIXTURES / "journal-power_loss.txt").read_text())
    off = Event(lines[0].at - 10, "node1", "lifecycle", "Stopped Destroyed")
    found = marks([off], {"node2": lines, "monitor": None}, until=lines[-1].at)
    assert (found[0].machine, found[0].kind) == ("node1", MarkKind.HYPERVISOR)
    assert [mark.at for mark in found] == sorted(mark.at for mark in found)
    kinds = {mark.kind for mark in found if mark.machine == "node2"}
    assert kinds >= {MarkKind.MEMBERSHIP, MarkKind.FENCING, MarkKind.RESOURCE}
    assert marks([off], {"node2": lines}, until=off.at) == (found[0],)

"""Two nodes, a service at home on each, one of which loses its power, as witnesses would tell it.

The pages of the lost node visit the other and come home; the records there notice nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from drills.catalogue import find
from drills.findings import Findings
from drills.ledger import Entry
from drills.power import Event
from drills.probes import Attempt, Sighting
from drills.snapshot import Snapshot
from drills.timeline import Line
from status.collect import describe
from status.model import LabStatus
from status.problems import Alarm, Report
from tests.unit.broken_lab import broken
from tests.unit.healthy_lab import healthy
from tests.unit.sample_findings import booted, probe, sighting
from tests.unit.situations import situation
from tests.unit.sketched import MIRROR
from wire.pacemaker import FenceEvent

FAULT = 1000.0
FENCED, PROMOTED, BACK = FAULT + 20, FAULT + 21, FAULT + 24
LEAVES, HOME = FAULT + 90, FAULT + 96
"""When the pages are stopped to go home, and when they answer there."""
END = HOME + 40

PAGES, RECORDS = MIRROR.services["pages"], MIRROR.services["records"]
[ONE], [TWO] = ([str(a.ip) for a in part.service.addresses] for part in (PAGES, RECORDS))
TARGETS = ("node1",)


def status(pages: str, records: str, boots: dict[str, str] | None = None) -> LabStatus:
    """Return the healthy lab in which clients find the services at these nodes."""
    seen, places = booted(healthy(MIRROR), boots or {}), {PAGES: pages, RECORDS: records}
    for name in seen.nodes:
        held = {
            address.ip
            for part, place in places.items()
            for address in part.service.addresses
            if place == name
        }
        seen = broken(name, seen=seen, addresses=frozenset(held))
    return describe(MIRROR, seen, None)


DAEMONS = {
    **{f"node{n}": frozenset({("corosync", f"41{n} of boot {n}")}) for n in (1, 2)},
    "monitor": frozenset({("corosync-qnetd", "7 of boot 4")}),
}
BEFORE = Snapshot(status("node1", "node2"), frozenset(), DAEMONS)
AFTER = Snapshot(
    status("node1", "node2", {"node1": "second"}),
    frozenset({FenceEvent("node1", "reboot", "success", "now")}),
    {**DAEMONS, "node1": frozenset({("corosync", "409 of boot 5")})},
)


def attempts(address: str, *silences: tuple[float, float]) -> Iterator[Attempt]:
    """Ask five times a second and write twice; nobody answers in these spans."""

    def silent(at: float) -> bool:
        return any(begin < at < end for begin, end in silences)

    for number in range(int(5 * (END - FAULT + 6))):
        at = FAULT - 6 + number / 5
        yield probe(at, ok=not silent(at), address=address)
        if number % 2 == 0:
            entry = f"run-{number:06d}"
            facts = (at - 0.01, at, at, "201", entry, f"digest {number}")
            yield Attempt("write", address, not silent(at), *facts)


def stored(tried: tuple[Attempt, ...]) -> tuple[Entry, ...]:
    """Return all that was acknowledged."""
    return tuple(
        Entry(a.entry or "", a.sha256 or "", a.wall) for a in tried if a.kind == "write" and a.ok
    )


def sightings(address: str, own: str, *others: tuple[float, float, str]) -> Iterator[Sighting]:
    """Ask by ARP once a second: its own hardware answers but in these spans."""
    for second in range(int(FAULT) - 3, int(END)):
        found = (word for begin, end, word in others if begin <= second < end)
        word = next(found, own)
        yield sighting(float(second), *filter(None, (word,)), address=address)


CALM = tuple(attempts(TWO))
"""What the client of the records tried: it was always answered."""

_TRIED = tuple(attempts(ONE, (FAULT, BACK), (LEAVES, HOME)))

_PAGES = Findings(
    part=PAGES,
    expected=find("power-off", MIRROR).expected(situation(MIRROR, "node1", service="pages")),
    targets=TARGETS,
    injected=FAULT,
    healed=FAULT + 40,
    before=BEFORE,
    after=AFTER,
    seen=frozenset(),
    trouble="",
    attempts=_TRIED,
    sightings=tuple(
        sightings(ONE, "aa", (FAULT, BACK, ""), (BACK, LEAVES, "bb"), (LEAVES, HOME, ""))
    ),
    entries=stored(_TRIED),
    events=(
        Event(FAULT + 0.1, "node1", "lifecycle", "Stopped Destroyed"),
        Event(FAULT + 40, "node1", "lifecycle", "Started Booted"),
    ),
    journals={
        "node1": (Line(HOME, "pacemaker", "Result of start operation for address on node1: OK"),),
        "node2": (
            Line(FAULT + 6, "corosync", "A new membership (2.15) was formed. Members left: 1"),
            Line(FAULT + 7, "pacemaker", "Requesting fencing (reboot) targeting node node1"),
            Line(
                FENCED,
                "pacemaker",
                "Operation 'reboot' targeting node1 by node2 for x@node2: OK (Done)",
            ),
            Line(PROMOTED, "pacemaker", "Result of promote operation for drbd on node2: OK"),
            Line(BACK - 1, "pacemaker", "Result of start operation for address on node2: OK"),
        ),
        "monitor": (),
    },
    configurations={"node1": "d S_NOT_DC", "node2": "d S_IDLE"},
    out_of_sync={"node1": 0, "node2": 0},
    reports=tuple(
        Report(at=FAULT + at, alarm=alarm, name=alarm.value, host="node1", raised=True)
        for at, alarm in ((7, Alarm.NODE_LOST), (21, Alarm.FENCED))
    ),
    problems=(),
)

BESIDE = replace(
    _PAGES,
    part=RECORDS,
    expected=find("power-off", MIRROR).expected(situation(MIRROR, "node1", service="records")),
    attempts=CALM,
    sightings=tuple(sightings(TWO, "bb")),
    entries=stored(CALM),
    out_of_sync=None,
)
"""What was seen of the records."""

FLAWLESS = replace(_PAGES, beside=(BESIDE,))


def beside(**changes: object) -> Findings:
    """Return the flawless drill but for what was seen of the records."""
    return replace(FLAWLESS, beside=(replace(BESIDE, **changes),))  # type: ignore[arg-type]

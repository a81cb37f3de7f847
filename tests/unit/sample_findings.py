"""A flawless failover as its witnesses would tell it, for tests that spoil one heard."""

from __future__ import annotations

from drills.expectations import Expected
from drills.findings import Findings
from drills.ledger import Entry
from drills.power import Event
from drills.probes import Attempt, Sighting
from drills.situation import Fate
from drills.snapshot import Snapshot
from drills.timeline import Line
from parts.seen import Seen
from status.collect import describe
from status.model import LabStatus
from status.problems import Alarm, Report
from tests.unit.broken_lab import broken
from tests.unit.healthy_lab import ADDRESS, HEALTHY, PARTS
from wire.pacemaker import FenceEvent

FAULT = 1000.0
OFF, FENCED, PROMOTED, BACK = FAULT + 0.1, FAULT + 22, FAULT + 24, FAULT + 33


WHERE = str(ADDRESS)


def probe(at: float, *, ok: bool = True, address: str = WHERE) -> Attempt:
    return Attempt("probe", address, ok, at - 0.01, at, at, "200" if ok else "TimeoutError")


def write(number: int, at: float, *, ok: bool = True) -> Attempt:
    entry, digest = f"run-{number:06d}", f"digest {number}"
    return Attempt("write", WHERE, ok, at - 0.01, at, at, "201", entry, digest)


def sighting(at: float, *hardware: str, address: str = WHERE) -> Sighting:
    return Sighting(at, address, hardware)


def booted(seen: Seen, boots: dict[str, str]) -> Seen:
    """Return a lab in which machines have these boot ids, and else the first ones."""
    for name in seen.nodes:
        seen = broken(name, seen=seen, boot_id=boots.get(name, "first"))
    return seen


def status(active: str, boots: dict[str, str]) -> LabStatus:
    """Return the healthy lab in which clients find the service at this node."""
    seen = booted(HEALTHY, boots)
    for name in seen.nodes:
        held = {ADDRESS} if name == active else set()
        seen = broken(name, seen=seen, addresses=frozenset(held))
    return describe(PARTS, seen, None)


DAEMONS = {
    "node1": frozenset({("corosync", "410 of boot 1"), ("sbd", "380 of boot 1")}),
    "node2": frozenset({("corosync", "411 of boot 2"), ("sbd", "381 of boot 2")}),
    "monitor": frozenset({("corosync-qnetd", "301 of boot 3")}),
}

BEFORE = Snapshot(status("node1", {}), frozenset(), DAEMONS)
AFTER = Snapshot(
    status("node2", {"node1": "second"}),
    frozenset({FenceEvent("node1", "reboot", "success", "now")}),
    {**DAEMONS, "node1": frozenset({("corosync", "409 of boot 4"), ("sbd", "382 of boot 4")})},
)

ATTEMPTS = (
    *(probe(FAULT - 5 + n / 5) for n in range(25)),
    *(probe(FAULT + n, ok=False) for n in range(1, 33)),
    *(probe(BACK + n / 5) for n in range(100)),
    *(write(n, FAULT - 6 + n) for n in range(1, 6)),
    write(6, FAULT + 5, ok=False),
    *(write(n, BACK + n - 6) for n in range(7, 22)),
)

STORED = tuple(
    Entry(a.entry or "", a.sha256 or "", a.wall) for a in ATTEMPTS if a.kind == "write" and a.ok
)

JOURNAL = (
    Line(FAULT + 6, "corosync", "A new membership (2.15) was formed. Members left: 1"),
    Line(FAULT + 8, "pacemaker", "Requesting fencing (reboot) targeting node node1"),
    Line(FENCED, "pacemaker", "Operation 'reboot' targeting node1 by node2 for x@node2: OK (Done)"),
    Line(PROMOTED, "pacemaker", "Result of promote operation for drbd on node2: OK"),
    Line(BACK - 1, "pacemaker", "Result of start operation for address on node2: OK"),
)

POWER_LOSS = Expected(
    Fate.MOVES,
    outage_s=40.0,
    interrupted=True,
    fenced=frozenset({"node1"}),
    rebooted=frozenset({"node1"}),
    verify=True,
    alarms=frozenset({Alarm.NODE_LOST, Alarm.FENCED}),
)

REPORTS = (
    Report(at=FAULT + 7, alarm=Alarm.NODE_LOST, name="node1 is lost", host="node1", raised=True),
    Report(at=FENCED + 1, alarm=Alarm.FENCED, name="node1 was fenced", host="node1", raised=True),
    Report(at=BACK + 60, alarm=Alarm.NODE_LOST, name="node1 is lost", host="node1", raised=False),
    Report(at=BACK + 60, alarm=Alarm.FENCED, name="node1 was fenced", host="node1", raised=False),
)

FLAWLESS = Findings(
    part=PARTS.first_service,
    expected=POWER_LOSS,
    targets=("node1",),
    injected=FAULT,
    healed=FAULT + 40,
    before=BEFORE,
    after=AFTER,
    seen=frozenset(),
    trouble="",
    attempts=ATTEMPTS,
    sightings=(sighting(FAULT - 1, "aa"), sighting(FAULT + 10), sighting(FAULT + 41, "bb")),
    entries=STORED,
    events=(
        Event(OFF, "node1", "lifecycle", "Stopped Destroyed"),
        Event(FAULT + 40, "node1", "lifecycle", "Started Booted"),
    ),
    journals={"node1": (), "node2": JOURNAL, "monitor": ()},
    configurations={"node1": "d1 S_NOT_DC", "node2": "d1 S_IDLE"},
    out_of_sync={"node1": 0, "node2": 0},
    reports=REPORTS,
    problems=(),
)

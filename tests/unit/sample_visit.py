"""Three nodes that all serve, one of which loses its power, as the witnesses would tell it.

Its address visits another node and comes home.
"""

from __future__ import annotations

from collections.abc import Iterator

from drills.catalogue import find
from drills.findings import Findings
from drills.power import Event
from drills.probes import Attempt, Sighting
from drills.situation import Situation
from drills.snapshot import Snapshot
from drills.timeline import Line
from parts.seen import Seen
from status.collect import describe
from status.model import LabStatus
from status.problems import Alarm, Report
from tests.unit.broken_lab import broken
from tests.unit.healthy_lab import healthy
from tests.unit.sample_findings import booted, probe, sighting
from tests.unit.sketched import TRIO
from wire.pacemaker import FenceEvent

FAULT = 1000.0
FENCED, STARTED, BACK, HOME = FAULT + 20, FAULT + 21, FAULT + 22, FAULT + 80
END = HOME + 20

PART = TRIO.first_service
NODES = ("node1", "node2", "node3")
ADDRESSES = tuple(address.ip for address in PART.service.addresses)
ONE, TWO, THREE = map(str, ADDRESSES)
HARDWARE = {ONE: "aa", TWO: "bb", THREE: "cc"}

EXPECTED = find("power-off", TRIO).expects(
    Situation(PART, dict(zip(ADDRESSES, NODES, strict=True)), frozenset({"node1"}))
)


def status(*places: str, boots: dict[str, str] | None = None) -> LabStatus:
    """Return the healthy lab in which clients find the addresses at these nodes."""
    seen: Seen = booted(healthy(TRIO), boots or {})
    for name in seen.nodes:
        held = {address for address, place in zip(ADDRESSES, places, strict=True) if place == name}
        seen = broken(name, seen=seen, addresses=frozenset(held))
    return describe(TRIO, seen, None)


DAEMONS = {
    **{name: frozenset({("corosync", f"41{n} of boot {n}")}) for n, name in enumerate(NODES, 1)},
    "monitor": frozenset({("zabbix_server", "7 of boot 4")}),
}

BEFORE = Snapshot(status(*NODES), frozenset(), DAEMONS)
AFTER = Snapshot(
    status(*NODES, boots={"node1": "second"}),
    frozenset({FenceEvent("node1", "reboot", "success", "now")}),
    {**DAEMONS, "node1": frozenset({("corosync", "409 of boot 5")})},
)


def attempts() -> Iterator[Attempt]:
    """Ask at the addresses in turn; the first is silent from the fault until it is elsewhere."""
    for number in range(int(5 * (END - FAULT + 6))):
        at = FAULT - 6 + number / 5
        address = (ONE, TWO, THREE)[number % 3]
        yield probe(at, ok=address != ONE or not FAULT < at < BACK, address=address)


def sightings() -> Iterator[Sighting]:
    """Ask by ARP once a second; nobody answers for the first address while it is silent."""
    for second in range(int(FAULT) - 3, int(END)):
        for address, hardware in HARDWARE.items():
            if address != ONE or not FAULT <= second < HOME:
                yield sighting(float(second), hardware, address=address)
            elif second < BACK:
                yield sighting(float(second), address=address)
            else:
                yield sighting(float(second), HARDWARE[TWO], address=address)


COORDINATOR = (
    Line(FAULT + 6, "corosync", "A new membership (2.15) was formed. Members left: 1"),
    Line(FAULT + 7, "pacemaker", "Requesting fencing (reboot) targeting node node1"),
    Line(FENCED, "pacemaker", "Operation 'reboot' targeting node1 by node3 for x@node3: OK (Done)"),
)
"""What the third node logs, which asks for the fencing and takes nothing over."""

HEIR = (
    Line(FAULT + 6.1, "corosync", "A new membership (2.15) was formed. Members left: 1"),
    Line(FENCED + 0.1, "pacemaker", "Operation 'reboot' targeting node1 by node3 for x: OK (Done)"),
    Line(STARTED, "pacemaker", "Result of start operation for address-1 on node2: OK"),
)
"""What the node logs that takes the address over."""

HOMECOMER = (Line(HOME, "pacemaker", "Result of start operation for address-1 on node1: OK"),)

FLAWLESS = Findings(
    part=PART,
    expected=EXPECTED,
    targets=("node1",),
    injected=FAULT,
    healed=FAULT + 40,
    before=BEFORE,
    after=AFTER,
    seen=frozenset(),
    trouble="",
    attempts=tuple(attempts()),
    sightings=tuple(sightings()),
    entries=None,
    events=(
        Event(FAULT + 0.1, "node1", "lifecycle", "Stopped Destroyed"),
        Event(FAULT + 40, "node1", "lifecycle", "Started Booted"),
    ),
    journals={"node1": HOMECOMER, "node2": HEIR, "node3": COORDINATOR, "monitor": ()},
    configurations={"node1": "d S_NOT_DC", "node2": "d S_NOT_DC", "node3": "d S_IDLE"},
    out_of_sync=None,
    reports=tuple(
        Report(at=FAULT + at, alarm=alarm, name=alarm.value, host="node1", raised=raised)
        for at, alarm, raised in (
            (7, Alarm.NODE_LOST, True),
            (21, Alarm.FENCED, True),
            (90, Alarm.NODE_LOST, False),
            (90, Alarm.FENCED, False),
        )
    ),
    problems=(),
)

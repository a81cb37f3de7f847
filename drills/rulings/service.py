"""The service as clients and the network saw it."""

from __future__ import annotations

from drills.expectations import Fate
from drills.findings import Findings
from drills.probes import worst_outage
from drills.rulings.base import Ruling

BEFORE_FAULT_S = 5.0
"""The outage is looked for from this long before the fault: clocks and probes are not exact."""


def outage(found: Findings) -> Ruling:
    """No client waited for longer than it may, and the service answers at the end."""
    gap = worst_outage(found.attempts, found.injected - BEFORE_FAULT_S)
    allowed = found.expected.outage_s
    said = f"the longest gap between two answers was {gap.seconds:.1f} s of {allowed:.1f} s"
    probes = [a for a in found.attempts if a.kind == "probe"]
    if not probes[-1].ok:
        return False, f"the service did not answer at the end; {said}"
    return gap.seconds <= allowed, said


def fate_question(found: Findings) -> str:
    """Word the question of where the service is."""
    return {
        Fate.STAYS: f"Is the service where it was, on {found.source}?",
        Fate.MOVES: f"Has the service left {found.source}?",
        Fate.RETURNS: "Is the service back?",
    }[found.expected.fate]


def fate(found: Findings) -> Ruling:
    """The service is where this fault lets it be."""
    was, now = found.source, found.holder
    said = f"it was on {was}, it is on {now}"
    if now is None or was is None:
        return (False if found.after is not None and now is None else None), said
    wanted = {Fate.STAYS: was == now, Fate.MOVES: was != now, Fate.RETURNS: True}
    return wanted[found.expected.fate], said


def holder_question(found: Findings) -> str:
    """Word the question of who answers for the service address."""
    double_s = found.expected.double_s
    if not double_s:
        return "Did never two machines answer for the service address?"
    return f"Did two machines answer for the service address for less than {double_s:.1f} s?"


def one_holder(found: Findings) -> Ruling:
    """One machine answers for the service address, and nobody stale for longer than it may."""
    if not found.sightings:
        return None, "nobody asked by ARP"
    double = [s for s in found.sightings if len(s.hardware) > 1]
    answered = sum(len(s.hardware) == 1 for s in found.sightings)
    if double:
        who = ", ".join(double[0].hardware)
        first, last = (s.wall - found.injected for s in (double[0], double[-1]))
        said = f"{len(double)} times more than one did, {first:.1f} to {last:.1f} s in: {who}"
        return last - first < found.expected.double_s, said
    said = f"asked {len(found.sightings)} times by ARP, one machine answered {answered} times"
    return (bool(found.sightings[-1].hardware) or None), said

"""The service as clients and the network saw it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address

from drills.expectations import stall_s
from drills.findings import Findings
from drills.probes import Outage, gaps, outages
from drills.rulings.base import Ruling
from drills.situation import Fate
from drills.timeline import done, first_after

BEFORE_FAULT_S = 5.0
"""The outage is looked for from this long before the fault: clocks and probes are not exact."""

BUSY = 2
"""How many times as long as what nobody notices a gap may be while nodes boot and disks are
compared beside the service, on a host that all machines share."""


def outage(found: Findings) -> Ruling:
    """No client waited for longer than it may at any address, and each answers at the end.

    Once, that is: nor did one wait again, but to see an address come home. A service that was away
    as a whole may be so several times while its cluster starts.
    """
    worst = worst_gap(found)
    allowed = found.allowed_s(worst.address)
    where = f" at {worst.address}" if len(found.part.service.addresses) > 1 else ""
    said = (
        f"the longest gap between two answers was {worst.seconds:.1f} s of {allowed:.1f} s{where}"
    )
    last = {a.address: a for a in found.attempts if a.kind == "probe"}
    silent = [address for address, attempt in last.items() if not attempt.ok]
    if silent:
        who = "the service" if len(last) == 1 else ", ".join(silent)
        return False, f"{who} did not answer at the end; {said}"
    if any(attempt.wall < found.healed for attempt in last.values()):
        return None, f"the client ended before the fault did; {said}"
    again = max(_again(found), key=lambda gap: gap.seconds, default=None)
    if again is not None and again.seconds > _busy_s(found):
        after_s = again.began - found.injected
        said += (
            f", and then, {after_s:.0f} s after the fault, there was another of "
            f"{again.seconds:.1f} s at {again.address}, of {_busy_s(found):.1f} s"
        )
        return False, said
    return worst.seconds <= allowed, said


def _again(found: Findings) -> Iterator[Outage]:
    """Yield the gaps that are neither what the fault costs nor what coming home does.

    Where a service stays, the fault may be felt for as long as it is there.
    """
    if found.expected.fate is Fate.RETURNS:
        return
    for address in dict.fromkeys(a.address for a in found.attempts if a.kind == "probe"):
        told = _absences(found, address)[: 2 if _comes_home(found, address) else 1]
        since = found.healed if found.expected.fate is Fate.STAYS else 0.0
        yield from (gap for gap in _gaps(found, address) if gap not in told and gap.began >= since)


def _busy_s(found: Findings) -> float:
    """Return the longest gap that a node which starts beside the service, or a stale one, costs."""
    return BUSY * stall_s(found.part.timing) + found.expected.double_s


def _gaps(found: Findings, address: str) -> tuple[Outage, ...]:
    return gaps(found.attempts, address, found.injected - BEFORE_FAULT_S)


def _comes_home(found: Findings, address: str) -> bool:
    return found.expected.return_s is not None and IPv4Address(address) in found.hit


def worst_gap(found: Findings) -> Outage:
    """Return the gap that exceeds what it may take most, or the longest when none does.

    Raises ValueError when it cannot be told.
    """
    longest = outages(found.attempts, found.injected - BEFORE_FAULT_S)
    asked = {gap.address for gap in longest}
    unasked = [str(each.ip) for each in found.part.service.addresses if str(each.ip) not in asked]
    if unasked:
        raise ValueError(f"nobody asked at {', '.join(unasked)}")
    first = [_absences(found, gap.address)[0] for gap in longest]
    late = [gap for gap in first if gap.seconds > found.allowed_s(gap.address)]
    if late:
        return max(late, key=lambda gap: gap.seconds - found.allowed_s(gap.address))
    return max(first, key=lambda gap: gap.seconds)


def _absences(found: Findings, address: str) -> list[Outage]:
    """Return the two longest gaps at an address: what the fault cost, then what coming home did.

    The longer one is the fault's, unless clients notice both and the address comes home: then it is
    the one that came first.
    """
    both = sorted(_gaps(found, address), key=lambda gap: gap.seconds, reverse=True)[:2]
    if _comes_home(found, address) and all(
        gap.seconds > stall_s(found.part.timing) for gap in both
    ):
        both.sort(key=lambda gap: gap.began)
    return both


def homecoming_question(found: Findings) -> str:
    """Word the question of how long clients waited once more."""
    return f"Did it come home within {found.expected.return_s:.1f} s?"


def homecoming(found: Findings) -> Ruling:
    """No client waited a second time for longer than it takes to come home."""
    allowed, struck = found.expected.return_s, {str(address) for address in found.hit}
    if allowed is None or not struck:
        return None, "nobody was expected to come home"
    later = [gap for address in sorted(struck) for gap in _absences(found, address)[1:]]
    if not later:
        return None, f"nobody asked often enough at {', '.join(sorted(struck))}"
    worst = max(later, key=lambda gap: gap.seconds)
    said = f"the other gap was {worst.seconds:.1f} s of {allowed:.1f} s at {worst.address}"
    return worst.seconds <= allowed, said


def outage_question(found: Findings) -> str:
    """Word the question of how long clients waited."""
    limits = {found.allowed_s(str(address)) for address in found.was} or {found.expected.outage_s}
    words = " or ".join(f"{limit:.1f} s" for limit in sorted(limits, reverse=True))
    return f"Was no gap longer than the {words} that are allowed?"


def fate_question(found: Findings) -> str:
    """Word the question of where the service is."""
    struck = ", ".join(sorted({found.was[address] for address in found.hit}))
    place = ", ".join(sorted(set(found.was.values())))
    return {
        Fate.STAYS: f"Is the service where it was, on {place}?",
        Fate.MOVES: f"Has the service left {struck}?",
        Fate.VISITS: f"Did exactly the addresses of {struck} move, and come home?",
        Fate.RETURNS: "Is the service back?",
    }[found.expected.fate]


def fate(found: Findings) -> Ruling:
    """The service is where this fault lets it be."""
    was, now = found.was, found.now
    said = f"it was on {_places(was)}, it is on {_places(now)}"
    if len(was) < len(found.part.service.addresses):
        return None, said
    if len(now) < len(was):
        return (False if found.after is not None else None), said
    match found.expected.fate:
        case Fate.STAYS if found.homes:
            return _visited(found, ())
        case Fate.STAYS:
            return was == now, said
        case Fate.MOVES:
            return all(was[address] != now[address] for address in found.hit), said
        case Fate.VISITS:
            return _visited(found, found.hit)
        case Fate.RETURNS:
            return True, said


def _places(holders: Mapping[IPv4Address, str]) -> str:
    if len(holders) <= 1:
        return next(iter(holders.values()), "no node")
    return ", ".join(f"{node} ({address})" for address, node in sorted(holders.items()))


def _visited(found: Findings, expected: Collection[IPv4Address]) -> Ruling:
    """Tell from the hardware that answered for each address whether it was elsewhere meanwhile.

    An address that goes home by itself shows at the end no trace of where it was.
    """
    moved = []
    for address in found.was:
        if found.routed:
            if _started_elsewhere(found, address):
                moved.append(address)
            continue
        before, since = _hardware(found, address)
        if not before or not since:
            return None, f"nobody told by ARP who had {address} {'since' if before else 'before'}"
        if since - before:
            moved.append(address)
    said = f"moved: {', '.join(map(str, moved)) or 'none'}; now on {_places(found.now)}"
    return set(moved) == set(expected) and found.was == found.now, said


def _started_elsewhere(found: Findings, address: IPv4Address) -> bool:
    """Tell from the nodes' journals whether an address was somewhere else since the fault."""
    ids = {each.ip: name for name, each in found.part.service.address_ids.items()}
    return any(
        first_after(lines or (), done("start", ids[address], node), found.injected) is not None
        for node, lines in found.journals.items()
        if node != found.was[address]
    )


def _hardware(found: Findings, address: IPv4Address) -> tuple[set[str], set[str]]:
    """Return who answered for an address before the fault, and who has since."""
    before: set[str] = set()
    since: set[str] = set()
    for sighting in found.sightings or ():
        if sighting.address == str(address):
            (since if sighting.wall >= found.injected else before).update(sighting.hardware)
    return before, since


def holder_question(found: Findings) -> str:
    """Word the question of who answers for a service address."""
    double_s = found.expected.double_s
    if not double_s:
        return "Did never two machines answer for a service address?"
    return f"Did two machines answer for a service address for less than {double_s:.1f} s?"


def one_holder(found: Findings) -> Ruling:
    """One machine answers for each address, and nobody stale for longer than it may."""
    if not found.sightings:
        return None, "nobody asked by ARP"
    double = [s for s in found.sightings if len(s.hardware) > 1]
    answered = sum(len(s.hardware) == 1 for s in found.sightings)
    if double:
        who = f"{', '.join(double[0].hardware)} for {double[0].address}"
        spans = [
            [s.wall - found.injected for s in double if s.address == address]
            for address in {s.address for s in double}
        ]
        first, last = min(span[0] for span in spans), max(span[-1] for span in spans)
        said = f"{len(double)} times more than one did, {first:.1f} to {last:.1f} s in: {who}"
        return all(span[-1] - span[0] < found.expected.double_s for span in spans), said
    if max(s.wall for s in found.sightings) < found.healed:
        return None, "nobody asked by ARP any more when the fault ended"
    said = f"asked {len(found.sightings)} times by ARP, one machine answered {answered} times"
    last_seen = {s.address: s.hardware for s in found.sightings}
    return (all(last_seen.values()) or None), said

"""What became of the data that clients wrote."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from drills.errand import WRITE_TIMEOUT
from drills.findings import Findings
from drills.ledger import compare
from drills.probes import Attempt
from drills.rulings.base import Ruling
from parts.storage.shared import AT_ONCE

SLOWED = 2
"""How many times as long as without the fault the median of writes takes that are called slow.
Single ones wait on any busy host."""


LAST = 20
"""How many writes at each address tell how fast they are at the end."""

PROMPT_S = 0.5
"""Seconds, for each unit of pace, in which half of them are promised, on any disk that is well.
Measured in emulation, where the pace is 4 and more: up to 0.7 s, while a node had just booted."""

LEAST_PROMPT_S = 1.0
"""Seconds that they may take on any machine."""


def ledger(found: Findings) -> Ruling:
    """Every write that was acknowledged is there, once, unaltered and in order."""
    if found.entries is None:
        return None, "the ledger could not be read"
    books = compare(found.attempts, found.entries, clocks_agree=found.expected.clocks_agree)
    return (books.complete if books.acknowledged else None), str(books)


def refused(found: Findings) -> Ruling:
    """Writes failed while the fault was there."""
    writes = [
        a
        for a in found.attempts
        if a.kind == "write" and found.injected <= a.wall <= found.healed and not a.ok
    ]
    said = f"{len(writes)} writes were refused" + (f" ({writes[0].error})" if writes else "")
    return bool(writes), said


def slowed(found: Findings) -> Ruling:
    """Writes took longer while the fault was there than before and afterwards."""
    promised = [(a.wall, a.ended - a.begun) for a in found.attempts if _promised(a)]
    slow = [took for at, took in promised if found.injected <= at - took and at <= found.healed]
    usual = [took for at, took in promised if at < found.injected or at - took > found.healed]
    if not slow or not usual:
        return None, f"{len(slow)} writes were acknowledged meanwhile, {len(usual)} otherwise"
    said = (
        f"one of {len(slow)} writes took {median(slow):.2f} s, "
        f"of {len(usual)} before and afterwards {median(usual):.2f} s (medians)"
    )
    return median(slow) >= SLOWED * median(usual), said


def one_user(found: Findings) -> Ruling:
    """No two nodes had a shared disk in use while the fault was there, as their kernels say."""
    said = sorted(reason for reason in found.seen if AT_ONCE in reason)
    return not said, said[0] if said else "no reading showed a second node that uses it"


def disks(found: Findings) -> Ruling:
    """DRBD found no block that differs."""
    if found.out_of_sync is None:
        return None, "the disks were not compared"
    said = ", ".join(f"{name}: {kib} KiB differ" for name, kib in found.out_of_sync.items())
    if len(found.out_of_sync) < len(found.part.places):
        return None, said
    return not any(found.out_of_sync.values()), said


def writes_question(found: Findings) -> str:
    """Word the question of how long clients waited for a promise."""
    return f"Did no client wait longer than {_patience_s(found):.1f} s between two writes?"


def writes(found: Findings) -> Ruling:
    """No client waited for longer than it may between two acknowledged writes, at any address."""
    gaps_s = {}
    for address in dict.fromkeys(a.address for a in found.attempts if a.kind == "write"):
        good = [a.ended for a in found.attempts if _promised(a) and a.address == address]
        if len(good) < 2:
            return None, f"only {len(good)} writes were acknowledged at {address}"
        # A client that got no promise any more waited until it was stopped.
        ends = [*good, max(a.ended for a in found.attempts)]
        gaps_s[address] = max(after - before for before, after in pairwise(ends))
    if not gaps_s:
        return None, "nobody tried to write"
    worst = max(gaps_s, key=gaps_s.__getitem__)
    where = f" at {worst}" if len(gaps_s) > 1 else ""
    said = f"the longest time was {gaps_s[worst]:.1f} s{where}"
    return gaps_s[worst] <= _patience_s(found), said


def promptness_question(found: Findings) -> str:
    """Word the question of how long a promise takes in the end."""
    return f"Did half of the last writes take no longer than {_prompt_s(found):.1f} s?"


def prompt(found: Findings) -> Ruling:
    """Writes are no slower after the healing than on a disk that is well, at any address.

    Of a client that is answered slowly, but always, no gap tells.
    """
    took: dict[str, list[float]] = {}
    for attempt in filter(_promised, found.attempts):
        seconds = attempt.ended - attempt.begun
        if attempt.wall - seconds >= found.healed:
            took.setdefault(attempt.address, []).append(seconds)
    if not took:
        return None, "no write was acknowledged after the healing"
    medians = {address: median(each[-LAST:]) for address, each in took.items()}
    worst = max(medians, key=medians.__getitem__)
    where = f" at {worst}" if len(medians) > 1 else ""
    count = len(took[worst][-LAST:])
    said = f"one of the last {count} took {medians[worst]:.2f} s{where} (median)"
    return medians[worst] <= _prompt_s(found), said


def _prompt_s(found: Findings) -> float:
    """Return what they may take, in seconds: more than that, and a client may have given up."""
    usual = max(LEAST_PROMPT_S, PROMPT_S * found.inventory.timing.pace)
    return min(usual, WRITE_TIMEOUT / 2)


def _promised(attempt: Attempt) -> bool:
    return attempt.kind == "write" and attempt.ok


def _patience_s(found: Findings) -> float:
    """What a read may wait, and the writes that were under way: one fails, the next succeeds.

    A read may wait for the fault, and once more for a service that comes home; `service` tells the
    two apart. A client writes at one address after the other, and may have to wait at each.
    """
    round_s = len(found.part.service.addresses) * WRITE_TIMEOUT
    wait_s = max(found.expected.outage_s, found.expected.return_s or 0.0)
    return wait_s + WRITE_TIMEOUT + round_s

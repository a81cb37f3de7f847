"""What became of the data that clients wrote."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from drills.errand import WRITE_TIMEOUT
from drills.findings import Findings
from drills.ledger import compare
from drills.rulings.base import Ruling

SLOWED = 2
"""How many times as long as without the fault the median of writes takes that are called slow.
Single ones wait on any busy host."""


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
    promised = [(a.wall, a.ended - a.begun) for a in found.attempts if a.kind == "write" and a.ok]
    slow = [took for at, took in promised if found.injected <= at - took and at <= found.healed]
    usual = [took for at, took in promised if at < found.injected or at - took > found.healed]
    if not slow or not usual:
        return None, f"{len(slow)} writes were acknowledged meanwhile, {len(usual)} otherwise"
    said = (
        f"one of {len(slow)} writes took {median(slow):.2f} s, "
        f"of {len(usual)} before and afterwards {median(usual):.2f} s (medians)"
    )
    return median(slow) >= SLOWED * median(usual), said


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
    """No client waited for longer than it may between two acknowledged writes."""
    good = [a for a in found.attempts if a.kind == "write" and a.ok]
    if len(good) < 2:
        return None, f"only {len(good)} writes were acknowledged"
    # A client that got no promise any more waited until it was stopped.
    ends = [*(a.ended for a in good), max(a.ended for a in found.attempts)]
    gap = max(after - before for before, after in pairwise(ends))
    return gap <= _patience_s(found), f"the longest time was {gap:.1f} s"


def _patience_s(found: Findings) -> float:
    """What a read may wait, and the writes that were under way: one fails, the next succeeds."""
    return found.expected.outage_s + 2 * WRITE_TIMEOUT

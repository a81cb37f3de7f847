"""What became of the data that clients wrote."""

from __future__ import annotations

from drills.findings import Findings
from drills.ledger import compare
from drills.rulings.base import Ruling


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


def disks(found: Findings) -> Ruling:
    """DRBD found no block that differs."""
    if found.out_of_sync is None:
        return None, "the disks were not compared"
    said = ", ".join(f"{name}: {kib} KiB differ" for name, kib in found.out_of_sync.items())
    if len(found.out_of_sync) < len(found.inventory.nodes):
        return None, said
    return not any(found.out_of_sync.values()), said

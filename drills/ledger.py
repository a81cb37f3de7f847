"""Is everything there that a client was promised? Compares what was acknowledged with the disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from drills.probes import Attempt
from inventory.model import Machine
from machines.remote import Remote
from parts.services.base import ServicePart

CLOCKS_AGREE_S = 1.0
"""How far apart two nodes' clocks may be: entries of before and after a failover were stamped by
different ones."""


@dataclass(frozen=True)
class Entry:
    """An entry on the disk: its name, the checksum of what is in it, when it was last written."""

    name: str
    sha256: str
    at: float


@dataclass(frozen=True)
class Books:
    """The comparison. Loss, duplicates and reordering are different sins and told apart.

    `missing`: promised and gone. `altered`: there, but not what was written. `repeated`: one
    write that is there twice. `disordered`: written after an entry that was promised only after it.
    `unpromised` counts entries whose writer never got an answer: they are allowed.
    """

    acknowledged: int
    missing: tuple[str, ...]
    altered: tuple[str, ...]
    repeated: tuple[str, ...]
    disordered: tuple[str, ...]
    unpromised: int

    @property
    def complete(self) -> bool:
        """Whether every promise was kept exactly once, in order, and at least one was made."""
        sins = (*self.missing, *self.altered, *self.repeated, *self.disordered)
        return self.acknowledged > 0 and not sins

    def __str__(self) -> str:
        if self.complete:
            return (
                f"all {self.acknowledged} acknowledged writes are there, once and in order; "
                f"{self.unpromised} more without an answer"
            )
        return f"of {self.acknowledged} acknowledged writes " + ", ".join(
            f"{len(found)} are {word} ({', '.join(found[:5]) or '-'})"
            for word, found in (
                ("missing", self.missing),
                ("altered", self.altered),
                ("there twice", self.repeated),
                ("out of order", self.disordered),
            )
        )


def read_ledger(part: ServicePart, node: Machine, run: str) -> tuple[Entry, ...]:
    """Return a run's entries on the node that serves.

    Empty ones count as well: they are altered entries, not missing ones.
    """
    with Remote(node) as remote:
        return parse_entries(remote.run(part.list_ledger(run), timeout=120).stdout)


def clear_ledger(part: ServicePart, node: Machine, run: str) -> None:
    """Remove a run's entries on the node that serves."""
    with Remote(node) as remote:
        remote.run(part.clear_ledger(run), timeout=120)


def parse_entries(text: str) -> tuple[Entry, ...]:
    """Read times and paths, an empty line, and `sha256sum`'s output of the same files."""
    times = {path: float(at) for at, path in re.findall(r"^([\d.]+) (/\S+)$", text, re.MULTILINE)}
    digests = re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.MULTILINE)
    return tuple(
        Entry(path.rpartition("/")[2], digest, times.get(path, 0.0)) for digest, path in digests
    )


def compare(
    attempts: Sequence[Attempt], stored: Sequence[Entry], *, clocks_agree: bool = True
) -> Books:
    """Compare what the client was promised with what is stored.

    Order is told from the times of the files, so not when a clock was tampered with.
    """
    promised = {
        a.entry: a.sha256 for a in attempts if a.kind == "write" and a.ok and a.entry and a.sha256
    }
    by_name: dict[str, list[Entry]] = {}
    for entry in stored:
        by_name.setdefault(entry.name, []).append(entry)
    copies = Counter(entry.sha256 for entry in stored)
    kept = [by_name[name][0] for name in promised if name in by_name]
    return Books(
        acknowledged=len(promised),
        missing=tuple(sorted(name for name in promised if name not in by_name)),
        altered=tuple(sorted(e.name for e in kept if e.sha256 != promised[e.name])),
        repeated=tuple(
            sorted({e.name for e in stored if copies[e.sha256] > 1 or len(by_name[e.name]) > 1})
        ),
        disordered=tuple(
            later.name
            for earlier, later in pairwise(sorted(kept, key=lambda entry: entry.name))
            if clocks_agree and later.at < earlier.at - CLOCKS_AGREE_S
        ),
        unpromised=sum(name not in promised for name in by_name),
    )

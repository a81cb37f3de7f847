"""Is everything there that a client was promised? Compares what was acknowledged with the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drills.probes import Attempt
from inventory.model import Machine
from provisioning.remote import Remote

FOLDER = "/srv/data/www/ledger"


@dataclass(frozen=True)
class Books:
    """The comparison: entries that were promised and are gone, or are not what was written.

    `unpromised` counts entries on the disk whose writer never got an answer: they are allowed.
    """

    acknowledged: int
    missing: tuple[str, ...]
    altered: tuple[str, ...]
    unpromised: int

    @property
    def complete(self) -> bool:
        """Whether every promise was kept, and at least one was made."""
        return self.acknowledged > 0 and not self.missing and not self.altered

    def __str__(self) -> str:
        if self.complete:
            return f"all {self.acknowledged} acknowledged writes are there"
        return (
            f"of {self.acknowledged} acknowledged writes {len(self.missing)} are missing "
            f"({', '.join(self.missing[:5]) or '-'}) and {len(self.altered)} are altered "
            f"({', '.join(self.altered[:5]) or '-'})"
        )


def read_ledger(node: Machine, run: str) -> dict[str, str]:
    """Return the checksums of a run's entries on the active node, by entry.

    Empty files count as well: they are altered entries, not missing ones.
    """
    with Remote(node) as remote:
        # Standard input instead of arguments: thousands of entries outgrow a command line.
        listing = f"find {FOLDER} -type f -name '{run}-*' -print0 | xargs -0 -r sha256sum --"
        return parse_checksums(remote.run(listing, timeout=120).stdout)


def clear_ledger(node: Machine, run: str) -> None:
    """Remove a run's entries from the active node."""
    with Remote(node) as remote:
        remote.run(f"find {FOLDER} -type f -name '{run}-*' -delete", timeout=120)


def parse_checksums(text: str) -> dict[str, str]:
    """Read `sha256sum`'s output: checksum by file name without its folder."""
    found = re.findall(r"^([0-9a-f]{64})  (?:\S*/)?(\S+)$", text, re.MULTILINE)
    return {name: digest for digest, name in found}


def compare(attempts: Sequence[Attempt], stored: Mapping[str, str]) -> Books:
    """Compare what the client was promised with what is stored."""
    writes = {a.entry: a for a in attempts if a.kind == "write" and a.entry and a.sha256}
    promised = {entry: a.sha256 for entry, a in writes.items() if a.ok}
    return Books(
        acknowledged=len(promised),
        missing=tuple(sorted(entry for entry in promised if entry not in stored)),
        altered=tuple(
            sorted(
                entry
                for entry, digest in promised.items()
                if entry in stored and stored[entry] != digest
            )
        ),
        unpromised=sum(entry not in promised for entry in stored),
    )

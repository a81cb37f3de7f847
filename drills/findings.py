"""What independent witnesses saw of a drill. None stands for a witness that could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drills.expectations import Expected
from drills.ledger import Entry
from drills.power import Event
from drills.probes import Attempt, Sighting
from drills.snapshot import Snapshot
from drills.timeline import Line
from inventory.model import Inventory
from status.problems import Problem, Report


@dataclass(frozen=True)
class Findings:
    """Everything that a judge may look at; times in seconds since 1970 on the lab's clock.

    `seen` are the reasons that `status` gave while the fault was there; `trouble` is what kept the
    lab from being healthy afterwards, empty when it is; `configurations` are each node's CIB digest
    and controller state; `out_of_sync` is what DRBD found different, in KiB by node, and None when
    nobody compared. `events` are the hypervisor's. `proof` is what shows that the fault was there,
    empty when nothing does; `proved` tells whether this fault can be proved so. `reports` is what
    the lab's monitoring raised and saw end since the fault, `problems` what it complains of at the
    end.
    """

    inventory: Inventory
    expected: Expected
    targets: tuple[str, ...]
    injected: float
    healed: float
    before: Snapshot
    after: Snapshot | None
    seen: frozenset[str]
    trouble: str | None
    attempts: tuple[Attempt, ...]
    sightings: tuple[Sighting, ...] | None
    entries: tuple[Entry, ...] | None
    events: tuple[Event, ...] | None
    journals: Mapping[str, tuple[Line, ...] | None]
    configurations: Mapping[str, str] | None
    out_of_sync: Mapping[str, int] | None
    proved: bool = False
    proof: str | None = None
    reports: tuple[Report, ...] | None = None
    problems: tuple[Problem, ...] | None = None

    @property
    def source(self) -> str | None:
        """The node that served before."""
        return self.before.status.active

    @property
    def holder(self) -> str | None:
        """The node that serves at the end."""
        return self.after.status.active if self.after else None

"""What independent witnesses saw of a drill. None stands for a witness that could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from drills.expectations import Expected
from drills.ledger import Entry
from drills.power import Event
from drills.probes import Attempt, Sighting
from drills.snapshot import Snapshot
from drills.timeline import Line
from inventory.model import Inventory
from parts.services.base import ServicePart
from status.forecast import Places
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
    end. `beside` is what was seen of the lab's other services. `foretold` is where everything had
    to go as the cluster's scheduler said before, None when it was not asked; `places` is where it
    was before the healing.
    """

    part: ServicePart
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
    beside: tuple[Findings, ...] = ()
    foretold: Places | None = None
    places: Places | None = None

    @property
    def of_services(self) -> tuple[Findings, ...]:
        """These findings, and those about each other service."""
        return (self, *self.beside)

    @property
    def homes(self) -> Mapping[IPv4Address, str]:
        """The node that each of the service's addresses returns to, where it has one."""
        return self.inventory.homes(self.part.service)

    @property
    def inventory(self) -> Inventory:
        """The lab."""
        return self.part.inventory

    @property
    def routed(self) -> bool:
        """Whether routes lead to the addresses: nobody answers for them by ARP then."""
        return self.inventory.addresses == "routed"

    @property
    def was(self) -> dict[IPv4Address, str]:
        """At which node clients found the service before, by address."""
        return self.before.holders(self.part.service.name)

    @property
    def now(self) -> dict[IPv4Address, str]:
        """At which node they find it at the end."""
        return self.after.holders(self.part.service.name) if self.after else {}

    @property
    def struck(self) -> frozenset[str]:
        """The nodes at which clients may have noticed the fault."""
        return self.expected.struck(self.targets)

    @property
    def hit(self) -> tuple[IPv4Address, ...]:
        """The addresses that were there."""
        return tuple(address for address, node in self.was.items() if node in self.struck)

    def allowed_s(self, address: str) -> float:
        """Return the longest gap that clients may see at an address."""
        nodes = {str(where): node for where, node in self.was.items()}
        return self.expected.allowed_s(nodes.get(address), self.targets, nodes.values())

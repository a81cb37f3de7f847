"""Whom a fault hits, and what becomes of a service then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Address

from inventory.model import Inventory
from labs.durations import Budget
from labs.timing import Timing
from parts.all import Parts
from parts.budget import budget
from parts.quorum.base import QuorumPart
from parts.quorum.kinds import quorum
from parts.services.base import ServicePart


class Fate(StrEnum):
    """What becomes of a service, or of those of its addresses that are hit.

    It is served where it was, elsewhere from then on, elsewhere until its own node is back, or by
    anybody in the end.
    """

    STAYS = "stays"
    MOVES = "moves"
    VISITS = "visits"
    RETURNS = "returns"


@dataclass(frozen=True)
class Situation:
    """Whom a fault hits, in which lab, and at which nodes clients find the service before.

    `holders` are nodes by address, and `all_holders` the same of every service of the lab.
    `awaited` are the situations of the services without which this one does not run.
    """

    part: ServicePart
    holders: Mapping[IPv4Address, str]
    targets: frozenset[str]
    all_holders: Mapping[IPv4Address, str] = field(default_factory=dict)
    awaited: tuple[Situation, ...] = ()

    @property
    def inventory(self) -> Inventory:
        """The lab."""
        return self.part.inventory

    @property
    def timing(self) -> Timing:
        """The lab's timeouts."""
        return self.inventory.timing

    @property
    def budget(self) -> Budget:
        """What a failover of the service may take."""
        return budget(self.part)

    @property
    def quorum(self) -> QuorumPart:
        """Who decides which part of a divided lab goes on."""
        return quorum(self.inventory)

    @property
    def weights(self) -> Mapping[str, int]:
        """How much each node counts where fencing decides that."""
        return self.quorum.weights({**self.all_holders, **self.holders})

    def delayed_s(self, victims: Collection[str]) -> float:
        """Return how much longer the fencing of these nodes may take because others wait first."""
        return self.budget.delay_s if self.quorum.delays(victims, self.weights) else 0.0

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the cluster nodes."""
        return tuple(node.name for node in self.inventory.nodes)

    @property
    def replicas(self) -> frozenset[str]:
        """The nodes that have a replica of the service's data; none where nothing is replicated."""
        storage = self.part.storage
        return frozenset(self.part.places if storage and storage.replicated else ())

    @property
    def bound(self) -> frozenset[str]:
        """The nodes whose loss holds up writes at the others until they are known to be fenced.

        Those with a replica of the service's data, or that use one filesystem at once.
        """
        storage = self.part.storage
        waits = storage is not None and (storage.replicated or storage.together)
        return frozenset(self.part.places if waits else ())

    @property
    def replicated(self) -> bool:
        """Whether the service keeps data that are replicated."""
        return bool(self.replicas)

    @property
    def active(self) -> str | None:
        """The node that serves, of a service that runs on one."""
        nodes = set(self.holders.values())
        return nodes.pop() if len(nodes) == 1 and not self.part.service.everywhere else None

    @property
    def homes(self) -> Mapping[IPv4Address, str]:
        """The node that each address returns to, where it has one."""
        return self.inventory.homes(self.part.service)

    def serves(self, nodes: Collection[str]) -> bool:
        """Tell whether clients find the service at any of these nodes."""
        return any(node in nodes for node in self.holders.values())

    def leaves(self, nodes: Collection[str]) -> Fate:
        """Return what becomes of the service when it can run at none of these nodes."""
        hit = {address for address, node in self.holders.items() if node in nodes}
        if not hit:
            return Fate.STAYS
        at_home = all(self.homes.get(address) in nodes for address in hit)
        return Fate.VISITS if at_home else Fate.MOVES


def situations(
    parts: Parts, holders: Mapping[str, Mapping[IPv4Address, str]], targets: Collection[str]
) -> dict[str, Situation]:
    """Return what a fault at these nodes finds of each service that clients find, by its name.

    `holders` are the nodes at which they find each before, by address.
    """
    every = {address: node for each in holders.values() for address, node in each.items()}

    @cache
    def of(part: ServicePart) -> Situation:
        awaited = tuple(map(of, parts.awaited(part)))
        return Situation(part, holders[part.service.name], frozenset(targets), every, awaited)

    return {part.service.name: of(part) for part in parts.public}

"""What a quorum is besides a part: who may go on when machines are gone, and who goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Address
from typing import ClassVar

from parts.base import Part
from wire.corosync import QuorumView


class QuorumPart(Part):
    """Who decides in one lab. As it stands here the nodes' own votes do: more than half of them."""

    on_monitor = True

    kind: ClassVar[str]
    """Its word in labs.tables.quorum."""

    serves_alone = False
    """Whether a node that starts while all others are away gains a quorum, and serves."""

    waits_for_all = False
    """Whether a node that starts has to see all others once before it counts as part of a quorum
    that half of the nodes have as well."""

    @property
    def expected_votes(self) -> int:
        """How many votes there are when all is well; more than half of them are a quorum."""
        return len(self.inventory.nodes)

    @property
    def delay_s(self) -> float:
        """How much longer the fencing of a node may take because others wait for it to fence first.

        Seconds; only that of a node for which `delays` is true.
        """
        return 0.0

    def delays(self, victims: Collection[str], weights: Mapping[str, int]) -> bool:
        """Tell whether others hesitate for `delay_s` before they fence these nodes.

        `weights` are the priorities of what each node runs, by its name.
        """
        return False

    def priorities(self) -> dict[str, int]:
        """Return how much each resource counts for who is fenced, by its id; none does mostly."""
        return {}

    def weights(self, holders: Mapping[IPv4Address, str]) -> dict[str, int]:
        """Return how much each node counts by what clients find there: nodes by address."""
        return {}

    def survivor(
        self, sides: Iterable[frozenset[str]], weights: Mapping[str, int]
    ) -> frozenset[str]:
        """Return which of the sides of a divided cluster goes on: the larger one.

        Of two halves that of the lowest node id, as qnetd decides.
        """
        lowest = self.inventory.nodes[0].name
        return max(sides, key=lambda side: (len(side), lowest in side))

    def is_quorate(
        self, view: QuorumView, *, lost: Collection[str], back: Collection[str] = ()
    ) -> bool:
        """Tell whether nodes have a quorum once machines are lost, by name, and others are back.

        Counted as votequorum does, from the votes that there are now: a node has one.
        """
        alive = self.alive(view, lost=lost, back=back)
        return bool(alive) and len(alive) > view.expected // 2

    def alive(
        self, view: QuorumView, *, lost: Collection[str], back: Collection[str] = ()
    ) -> frozenset[int]:
        """Return the numbers of the nodes that are members then."""
        nodes = {node.name: node.number for node in self.inventory.nodes}
        absent = {nodes[name] for name in lost if name in nodes}
        present = {nodes[name] for name in back if name in nodes}
        return (view.members | present) - absent

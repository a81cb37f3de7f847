"""Two nodes and no third vote: either may go on alone, and fencing decides which of them does.

votequorum(5), `two_node`: one vote is a quorum for whoever has seen the other since its own start
(`wait_for_all`, which two_node brings along). Both halves of a divided cluster are quorate then and
fence each other. Pacemaker's `priority-fencing-delay` lets one of them fence first: whoever would
fence the node whose resources have more `priority` waits (Pacemaker 3.0.0, lib/pengine/
pe_actions.c, node_priority_fencing_delay; both nodes come to the same sums).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from parts.cluster import Values, seconds
from parts.quorum.own_votes import OwnVotes
from wire.corosync import QuorumView

BASE = 5
"""How much more what clients find first counts than the next: more than all that follow together.
A group's priority is that of each of its members (crm_simulate of Pacemaker 3.0.0), of which it has
up to four."""


class TwoNode(OwnVotes):
    """A quorum of one. A part of the cluster in which nothing runs that clients find is fenced."""

    kind = "two-node"

    waits_for_all = True

    @property
    def delay_s(self) -> float:
        """How long a node waits before it fences the one that counts more. Seconds."""
        return float(self.timing.priority_delay_s)

    def delays(self, victims: Collection[str], weights: Mapping[str, int]) -> bool:
        """Tell whether these nodes count more than the others do: where all are equal nobody waits.

        Pacemaker waits as long for a node that is dead as for one that only seems to be.
        """
        return _sum(victims, weights) > _sum(weights.keys() - set(victims), weights)

    def properties(self) -> Values:
        """Return how long whoever counts less leaves the first shot to the other.

        stonith-timeout has not to be longer for it: Pacemaker adds the delay to what an attempt may
        take (daemons/fenced/fenced_remote.c, get_op_total_timeout).
        """
        return {"priority-fencing-delay": seconds(self.timing.priority_delay_s)}

    def priorities(self) -> dict[str, int]:
        """Return how much each resource counts by which clients find a service.

        In the order of the definition, so that two nodes never count the same while either serves.
        """
        found = dict(self._found())
        return {name: weight for name, (_, weight) in found.items()}

    def weights(self, holders: Mapping[IPv4Address, str]) -> dict[str, int]:
        """Return how much each node counts by what clients find there: nodes by address."""
        found = {node.name: 0 for node in self.inventory.nodes}
        for _, (address, weight) in self._found():
            if address in holders:
                found[holders[address]] += weight
        return found

    def survivor(
        self, sides: Iterable[frozenset[str]], weights: Mapping[str, int]
    ) -> frozenset[str]:
        """Return the node that counts more."""
        return max(sides, key=lambda side: _sum(side, weights))

    def is_quorate(
        self, view: QuorumView, *, lost: Collection[str], back: Collection[str] = ()
    ) -> bool:
        """Tell whether somebody is left who has a quorum now, or both nodes are there.

        Who comes back alone has not seen the other.
        """
        alive = self.alive(view, lost=lost, back=back)
        together = len(alive) == len(self.inventory.nodes)
        return together or (view.quorate and bool(alive & view.members))

    def _found(self) -> Iterator[tuple[str, tuple[IPv4Address, int]]]:
        """Yield what goes where clients find it: its resource, its address and its priority."""
        found = [
            (name if service.everywhere else service.group, address.ip)
            for service in self.inventory.services
            for name, address in service.address_ids.items()
        ]
        for rank, (name, address) in enumerate(reversed(found)):
            yield name, (address, BASE**rank)


def _sum(nodes: Iterable[str], weights: Mapping[str, int]) -> int:
    return sum(weights.get(node, 0) for node in nodes)

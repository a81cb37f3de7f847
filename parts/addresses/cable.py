"""The nodes' cables into the service network: who has none is found by no client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inventory.model import Inventory
from parts.addresses.base import interface
from parts.base import Part
from parts.cluster import Clone, Primitive, Resource, advised, every, operations
from parts.constraints import Constraint, Expression, Location
from parts.seen import Seen
from parts.watched import Watched, watched

CLONE = "service-cables"
PRIMITIVE = "service-cable"
"""Ids in the cluster's configuration: of what looks at the cable of each node, and of one of it."""

ATTRIBUTE = PRIMITIVE
"""The node attribute that it sets: 1, or 0 without a carrier."""

RULE = "needs-its-cable"
"""In the ids of the constraints by which resources leave a node that clients cannot reach."""

STEP = 1000
"""What a lost cable costs is a multiple of this, and less than the 10000 that DRBD says of good
data: where clients reach nobody, or only stale data, the service stays."""


class Cables(Part):
    """What looks at the cable of every node, and takes users of the network away from it."""

    # The agent refuses to do anything without arping, also where it shall not use it.
    node_packages = ("iputils-arping", "resource-agents")

    def __init__(self, inventory: Inventory, users: Mapping[str, int]) -> None:
        """Take ids of resources, and for each how much it may want to be where it is."""
        super().__init__(inventory)
        self.users = users

    def resources(self) -> tuple[Resource, ...]:
        """Return what looks at each node's cable, as ocf:heartbeat:ethmonitor advises.

        The carrier alone: the agent's other tests wait for traffic, for seconds.
        """
        every_s = every(self.timing, 10)
        cable = Primitive(
            PRIMITIVE,
            "ocf:heartbeat:ethmonitor",
            operations(advised(self.timing, start=60, stop=20, monitor=60, every_s=every_s)),
            {
                "interface": interface(self.inventory),
                "name": ATTRIBUTE,
                "link_status_only": "true",
                "repeat_count": 1,
            },
        )
        return (Clone(CLONE, cable),)

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell which node nobody looks at."""
        yield from seen.not_started(PRIMITIVE)

    def monitored(self) -> tuple[Watched, ...]:
        """Watch for nodes without one."""
        return (watched("cables"),)

    def constraints(self) -> tuple[Constraint, ...]:
        """Return what makes each user of the network, a resource, leave a node without its cable.

        An attribute that nobody has set moves nothing.
        """
        lost = Expression("lost", ATTRIBUTE, "eq", 0)
        return tuple(
            Location(rule(user), user, cost(wish), lost) for user, wish in self.users.items()
        )


def cost(wish: int) -> int:
    """Return the score of a node without its cable: it outweighs whatever wants to be there."""
    return -STEP * (wish // STEP + 1)


def rule(user: str) -> str:
    """Return the id of the constraint by which a resource leaves a node without its cable.

    Pacemaker's tools name its rule, whose id begins like this.
    """
    return f"{user}-{RULE}"

"""The nodes' cables into the service network: who has none is found by no client."""

from __future__ import annotations

from inventory.model import Inventory
from parts.addresses.ipaddr2 import interface
from parts.cluster import Clone, Primitive, operations
from parts.constraints import Constraint, Expression, Location

CLONE = "service-cables"
PRIMITIVE = "service-cable"
"""Ids in the cluster's configuration: of what looks at the cable of each node, and of one of it."""

ATTRIBUTE = PRIMITIVE
"""The node attribute that it sets: 1, or 0 without a carrier."""

RULE = "service-needs-its-cable"
"""Id of the constraint by which the service leaves a node that clients cannot reach. Pacemaker's
tools name its rule, whose id begins like this."""

SCORE = -1000
"""More than stickiness, less than what DRBD says of good data: where clients reach nobody, or only
stale data, the service stays."""


def resources(inventory: Inventory) -> tuple[Clone, ...]:
    """Return what looks at each node's cable.

    The carrier alone: the agent's other tests wait for traffic, for seconds.
    """
    cable = Primitive(
        PRIMITIVE,
        "ocf:heartbeat:ethmonitor",
        operations(inventory.timing.cable),
        {
            "interface": interface(inventory),
            "name": ATTRIBUTE,
            "link_status_only": "true",
            "repeat_count": 1,
        },
    )
    return (Clone(CLONE, cable),)


def constraints(user: str) -> tuple[Constraint, ...]:
    """Return what makes a user of the address, a resource, leave a node without its cable.

    An attribute that nobody has set moves nothing.
    """
    return (Location(RULE, user, SCORE, Expression("lost", ATTRIBUTE, "eq", 0)),)

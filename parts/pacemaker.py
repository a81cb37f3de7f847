"""What Pacemaker is told about the cluster as a whole, whatever runs in it."""

from __future__ import annotations

from inventory.model import Inventory
from parts.cluster import Values, seconds
from parts.settings import Defaults

STICKINESS = 100
"""How much every resource wants to stay where it runs: a node that comes back takes nothing over.
`addresses.cable` has to outweigh it."""

FAILURES = 3
"""After so many failures on a node a resource leaves it: a single one is repaired in place."""


def properties(inventory: Inventory, dc_deadtime_s: int) -> Values:
    """Return the cluster's properties but those of fencing.

    `load-threshold` is Pacemaker's own. A node of one or two cores is always "loaded" while it
    recovers, and then takes one step of a failover after the other; but emulated guests need the
    time that this leaves them.
    """
    return {
        "cluster-name": inventory.lab,
        "no-quorum-policy": "stop",
        "placement-strategy": "balanced",
        "dc-deadtime": seconds(dc_deadtime_s),
        "cluster-recheck-interval": seconds(inventory.timing.recheck_s),
    }


def defaults(inventory: Inventory) -> Defaults:
    """Return what holds for every resource."""
    return Defaults(
        {
            "resource-stickiness": STICKINESS,
            "migration-threshold": FAILURES,
            "failure-timeout": seconds(inventory.timing.failure_timeout_s),
        }
    )

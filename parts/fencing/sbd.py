"""Fencing by poison pills on a disk that the nodes share."""

from __future__ import annotations

from inventory.model import Inventory
from parts.cluster import Clone, Primitive, Values, operations, seconds

CLONE = "fencing-everywhere"
PRIMITIVE = "fencing"
"""Ids in the cluster's configuration."""


def resources(inventory: Inventory) -> tuple[Clone, ...]:
    """Return the fencing device, which every node can use against any of them.

    It requires nothing. Without quorum it would otherwise be stopped, and unregistered: whoever
    then gains quorum could fence nobody, and would wait for a fencing before it starts the device
    again.
    """
    timing = inventory.timing
    fencing = Primitive(
        PRIMITIVE,
        "stonith:fence_sbd",
        operations(timing.fencing),
        {
            "devices": inventory.disks.sbd,
            "power_timeout": timing.power_timeout_s,
            "pcmk_host_check": "static-list",
            "pcmk_host_list": " ".join(node.name for node in inventory.nodes),
        },
        meta={"requires": "nothing"},
    )
    return (Clone(CLONE, fencing, {"interleave": "true"}),)


def properties(inventory: Inventory) -> Values:
    """Return what the cluster as a whole is told about fencing."""
    return {
        "stonith-enabled": "true",
        "stonith-timeout": seconds(inventory.timing.stonith_timeout_s),
    }

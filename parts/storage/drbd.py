"""Replication with the kernel's DRBD 8.4, and the filesystem on it where it is promoted."""

from __future__ import annotations

from inventory.model import Inventory
from parts.cluster import Clone, Primitive, Values, operations, promotable_operations
from parts.constraints import Colocation, Constraint, Order

RESOURCE = "r0"
"""What DRBD calls it."""

DEVICE = "/dev/drbd0"

MOUNT_POINT = "/srv/data"
"""Where the replicated filesystem is mounted on the active node."""

CLONE = "replication"
PRIMITIVE = "drbd"
FILESYSTEM = "filesystem"
"""Ids in the cluster's configuration."""

HANDLER_RULE = "drbd-fence-by-handler"
"""Begins the ids of constraints by which DRBD's fence handler keeps stale data from promotion."""

PROMOTION_SCORES = "0 10 10000 10000"
"""What a node's data count for a promotion: only consistent; good at the peer alone; good while the
peer is unknown; good.

Good data count the same whether the peer is known or not: with the agent's 1000 for "unknown", who
takes over is demoted again when the failed node is quickly back. Data that missed writes are
outdated by the fence handler and score less. Data that are only consistent score nothing, as with
the agent's own values: DRBD refuses them while the peer is away, and they are good again as soon as
both have met.
"""


def resources(inventory: Inventory) -> tuple[Clone, ...]:
    """Return the replication: on both nodes, promoted on one of them."""
    replication = Primitive(
        PRIMITIVE,
        "ocf:linbit:drbd",
        promotable_operations(inventory.timing.drbd),
        {"drbd_resource": RESOURCE, "adjust_master_score": PROMOTION_SCORES},
    )
    meta: Values = {
        "promotable": "true",
        "promoted-max": 1,
        "promoted-node-max": 1,
        "clone-max": 2,
        "clone-node-max": 1,
        "notify": "true",
        "interleave": "true",
    }
    return (Clone(CLONE, replication, meta),)


def members(inventory: Inventory) -> tuple[Primitive, ...]:
    """Return what a service that uses the storage has in its group.

    `sync`: a write that was answered is on both nodes' disks.
    """
    filesystem = Primitive(
        FILESYSTEM,
        "ocf:heartbeat:Filesystem",
        operations(inventory.timing.filesystem),
        {
            "device": DEVICE,
            "directory": MOUNT_POINT,
            "fstype": "ext4",
            "options": "noatime,sync",
        },
    )
    return (filesystem,)


def constraints(user: str) -> tuple[Constraint, ...]:
    """Return what keeps a user of the storage, a resource, where its data can be written."""
    return (
        Colocation(user, CLONE, "Promoted"),
        Order(CLONE, "promote", user),
    )

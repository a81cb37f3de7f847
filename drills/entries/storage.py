"""Disks and replicas that are gone or slow, filesystems that are full."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import but, disk_lost, no_room_left, unnoticed
from drills.faults import storage as faults
from inventory.parts import Storage
from parts.services.base import ServicePart

ROOT = (
    Drill(
        name="root-filesystem-full",
        title="Every node's root filesystem is full, and one of them is reset",
        teaches="A takeover, a boot and a join write to memory and to room that is kept for them.",
        watch="df / on both nodes; the service moves and the node comes back all the same.",
        by_hand="Remove what fills it: rm /.halab-fault-filler",
        fault=faults.root_filesystem_full(),
        expects=no_room_left,
    ),
)
"""Of the nodes' own filesystems."""


def entries(storage: Storage, user: ServicePart) -> tuple[Drill, ...]:
    """Return what can happen to the replicated storage of a service.

    Faults of the first have plain names.
    """
    name, prefix = storage.resource, f"{storage.name}-" if storage.number else ""
    return (
        Drill(
            name=f"{prefix}data-disk-lost",
            service=user.service.name,
            title="A node's replicated disk is torn out",
            teaches="DRBD drops a failing disk and serves on; the cluster moves to the good one.",
            watch="/proc/drbd: ds:Diskless/UpToDate, and the service answers.",
            by_hand=f"Plug the disk in again, then drbdadm attach {name}.",
            fault=faults.disk_pulled(storage.name, after_heal=faults.attach(storage)),
            expects=disk_lost,
            hold_s=SETTLE_S,
        ),
        Drill(
            name=f"{prefix}slow-disk",
            service=user.service.name,
            title="A node's replicated disk is slow",
            teaches=(
                "Alive is not well: nothing fails and nothing moves, but every promise to a client "
                "takes its time, whichever node's disk it is."
            ),
            watch="/proc/drbd: ap counts writes without an answer. crm_mon shows nothing.",
            by_hand="virsh blkdeviotune DOMAIN DISK --write-iops-sec 0",
            fault=faults.disk_slowed(storage.name, syncs=user.syncs),
            expects=but(unnoticed(), writes_slowed=True),
            hold_s=2 * SETTLE_S,
        ),
        Drill(
            name=f"{prefix}replica-detached",
            service=user.service.name,
            title="A node's replica is detached",
            teaches="The same without a broken device: one planned move, nobody is fenced.",
            watch="/proc/drbd: ds:Diskless/UpToDate.",
            by_hand=f"drbdadm attach {name}",
            fault=faults.replica_detached(storage),
            expects=disk_lost,
            hold_s=SETTLE_S,
        ),
        filesystem_full(storage, user.service.name, "The replicated filesystem is full"),
    )


def filesystem_full(storage: Storage, user: str, title: str) -> Drill:
    """Return the drill of a full filesystem, on whatever it is; `user` is the service."""
    return Drill(
        name=f"{storage.name}-filesystem-full" if storage.number else "filesystem-full",
        service=user,
        title=title,
        teaches="No failover helps against a full disk: writes are refused, none is lost.",
        watch=f"df {storage.mount_point}; writes answer with an error, pages are served.",
        by_hand="Remove what fills it.",
        only="active",
        fault=faults.filesystem_full(storage),
        expects=but(unnoticed(), writes_refused=True),
        hold_s=SETTLE_S,
    )

"""What can happen to a disk that all nodes share, whether one at a time has it or all."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.entries.storage import filesystem_full
from drills.expectations import (
    but,
    cluster_filesystem_lost,
    lock_manager_lost,
    shared_disk_lost,
    unnoticed,
)
from drills.faults import processes
from drills.faults import shared as faults
from drills.faults import storage as disks
from parts.services.base import ServicePart
from parts.storage.gfs2 import Gfs2
from parts.storage.shared import SharedDisk


def entries(disk: SharedDisk, user: ServicePart) -> tuple[Drill, ...]:
    """Return what can happen to the shared disk of a service; the first's faults have plain names.

    `user` is the service.
    """
    name = disk.storage.name
    prefix = f"{name}-" if disk.storage.number else ""
    return (
        Drill(
            name=f"{prefix}shared-disk-lost",
            service=user.service.name,
            title="A node's way to the shared disk is cut",
            teaches=(
                "Who cannot let go of the data any more is fenced, and who can reach them goes on."
            ),
            watch="crm_mon: filesystem fails its monitor, volume fails to stop, UNCLEAN.",
            by_hand="Plug the disk in again.",
            fault=disks.disk_pulled(name, after_heal=faults.let_go(disk)),
            expects=shared_disk_lost,
            hold_s=SETTLE_S,
        ),
        Drill(
            name=f"{prefix}slow-disk",
            service=user.service.name,
            title="The shared disk is slow for the node that uses it",
            teaches=(
                "Alive is not well: nothing fails and nothing moves, but every promise to a client "
                "takes its time."
            ),
            watch=(
                "/sys/block/dm-*/inflight on that node. "
                f"crm_mon shows nothing of {user.service.name}."
            ),
            by_hand="virsh blkdeviotune DOMAIN DISK --write-iops-sec 0",
            only="active",
            fault=disks.disk_slowed(name, syncs=user.syncs),
            expects=but(unnoticed(), writes_slowed=True),
            hold_s=2 * SETTLE_S,
        ),
        filesystem_full(
            disk.storage, user.service.name, "The filesystem on the shared disk is full"
        ),
        Drill(
            name=f"{prefix}forced-activation",
            service=user.service.name,
            title="A person tries to use the shared disk on a node that stands by",
            teaches=(
                "LVM refuses what another node owns: a mistake does not make two writers. Whoever "
                "forces it, or leaves LVM out, is stopped by nobody but fencing."
            ),
            watch=f"vgs --foreign -o +vg_systemid {disk.group} on both nodes.",
            by_hand=f"umount {disk.storage.mount_point}; dmsetup remove {disk.mapped}",
            only="standby",
            fault=faults.forced_activation(disk),
            expects=unnoticed(),
            target="standby",
            hold_s=SETTLE_S,
        ),
    )


def together(disk: Gfs2, user: str) -> tuple[Drill, ...]:
    """Return what can happen to a filesystem that all nodes use at once; `user` is the service."""
    name = disk.storage.name
    prefix = f"{name}-" if disk.storage.number else ""
    return (
        Drill(
            name=f"{prefix}shared-disk-lost",
            service=user,
            title="A node's way to the shared disk is cut",
            teaches=(
                "Who cannot let go of the data any more is fenced; until then others may wait for "
                "what it has locked."
            ),
            watch=f"crm_mon: {disk.storage.filesystem} fails its monitor, and the node is UNCLEAN.",
            by_hand="Plug the disk in again.",
            fault=disks.disk_pulled(name),
            expects=cluster_filesystem_lost,
            hold_s=SETTLE_S,
        ),
        Drill(
            name=f"{prefix}lock-manager-killed",
            service=user,
            title="A node's lock manager dies",
            teaches=(
                "Locks outlive the daemon that could give them back: only fencing frees them. "
                "Nobody starts it again in place."
            ),
            watch="dlm_tool ls at the others: wait fencing; then change ... failed 1.",
            by_hand="Nothing: the node is reset.",
            fault=processes.vital_killed("dlm_controld"),
            expects=lock_manager_lost,
        ),
    )

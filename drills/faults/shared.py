"""Faults of a disk that all nodes share: somebody wants it who does not own it."""

from __future__ import annotations

from drills.faults.base import UNIT, Fault, commands
from parts.storage.shared import SharedDisk

SAID = f"/run/{UNIT}-activation"
"""Where a node keeps what LVM answered."""


def forced_activation(disk: SharedDisk) -> Fault:
    """Try to activate and mount it on the targets, as a person does who knows of no owner.

    What proves it is what LVM answered while the kernel there had nothing of it.
    """
    place = disk.storage.mount_point
    refused = f"LVM refused: $(tr '\\n' ' ' <{SAID})"
    return commands(
        f"if lvchange --activate y {disk.group}/{disk.storage.name} >{SAID} 2>&1; "
        f"then mount {disk.device} {place}; else :; fi",
        f"{let_go(disk)}\nrm -f {SAID}",
        f'if [ ! -e {disk.device} ] && [ -s {SAID} ]; then echo "{refused}"; fi',
    )


def let_go(disk: SharedDisk) -> str:
    """Return shell text that rids a node of a volume that another one owns; else it does nothing.

    The owner sees the group with its own system ID, and whoever cannot read the disk sees none.
    """
    return (
        "udevadm settle\n"
        f"if vgs --foreign {disk.group} >/dev/null 2>&1 && "
        f"! vgs {disk.group} >/dev/null 2>&1; then "
        f"umount {disk.storage.mount_point} 2>/dev/null || :; "
        f"dmsetup remove --force {disk.mapped} 2>/dev/null || :; fi"
    )

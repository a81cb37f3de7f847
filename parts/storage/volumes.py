"""A disk that all nodes are attached to, with one volume group on it: what is so whoever has it."""

from __future__ import annotations

from typing import ClassVar

from inventory.model import Machine
from labs.roles import MachineRole
from parts.base import Found
from parts.cluster import Primitive, Values, advised, every, operations
from parts.host import UNITS, Entry, File, Folder, Step, render, unit_link
from parts.secrets import Secrets
from parts.seen import LIMITED, Seen
from parts.storage.base import StoragePart
from parts.watched import Column, Place, Watched, watched
from wire.lvm import MAPPED_COMMAND, Volumes, parse_volumes
from wire.pacemaker import Role

CONFIGURATION = "/etc/lvm/lvmlocal.conf"
"""What stands here goes before lvm.conf, which stays as the package has it."""

BLOCK_DEVICES = "blk-availability.service"
AFTER_PACEMAKER = f"{UNITS}/resource-agents-deps.target.d/halab-volumes.conf"
"""The unit that lets go of block devices at a shutdown, and what makes it wait for Pacemaker.

The agent would see to both by itself, at the first start after every boot: a reload of systemd in
the middle of a failover, which takes an emulated guest seconds.
"""

READING = "volumes"
"""The reading of all shared disks of a node."""


class VolumePart(StoragePart):
    """One filesystem on a logical volume that takes all of a disk, which every node can reach."""

    # LVM's agent uses dmsetup and procps, that of filesystems psmisc.
    node_packages: ClassVar[tuple[str, ...]] = (
        "dmsetup",
        "e2fsprogs",
        "lvm2",
        "procps",
        "psmisc",
        "resource-agents",
    )

    owners_command: ClassVar[str]
    """Shell text that prints a line for each volume group, whoever may use it."""

    # Reads the device past the cache. Without it, it is enough to be mounted: a disk that is gone
    # would not be missed before somebody writes.
    filesystem_monitor: ClassVar[Values] = {"OCF_CHECK_LEVEL": 10}

    @property
    def configuration(self) -> str:
        """Name of the template of what LVM reads."""
        raise NotImplementedError

    @property
    def note(self) -> str:
        """Name of the note that volume group and filesystem were made."""
        return self.storage.activation

    @property
    def group(self) -> str:
        """The volume group, whose name is a folder below /dev and so must be nobody else's."""
        return f"halab_{self.storage.name}"

    @property
    def device(self) -> str:
        """The logical volume, at the node that has it active."""
        return f"/dev/mapper/{self.mapped}"

    @property
    def mapped(self) -> str:
        """What the kernel calls the logical volume: no hyphens are in either name."""
        return f"{self.group}-{self.storage.name}"

    @property
    def holder(self) -> tuple[str, Role]:
        """The volume group's resource runs at the node that has the data."""
        return self.storage.activation, Role.STARTED

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit that the agent wants to run wherever it starts something."""
        return (BLOCK_DEVICES,)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe LVM's configuration, the order of a shutdown and the place for the filesystem.

        Both that and the mount point are there on every node: any of them may take over.
        """
        return (
            File(CONFIGURATION, render(self.configuration)),
            File(AFTER_PACEMAKER, render("volumes.conf.j2", unit=BLOCK_DEVICES)),
            unit_link(BLOCK_DEVICES, "sysinit.target.wants"),
            Folder(self.storage.mount_point),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Start what does nothing before a shutdown."""
        if found[machine].unit(BLOCK_DEVICES).active:
            return ()
        command = f"systemctl start {BLOCK_DEVICES}"
        return (Step("block devices are let go at a shutdown", command),)

    def monitored(self) -> tuple[Watched, ...]:
        """Watch at each node whether the disk is there, and whether it is mounted."""
        return (watched("shared_disk", apart=self.storage.name, storage=self.storage.name),)

    def columns(self) -> tuple[Column, ...]:
        """Show both for each node."""
        name = self.storage.name
        return (
            Column(Place.DATA, f"Disk ({name})", f"Shared disk {name}"),
            Column(Place.DATA, f"Mounted ({name})", f"Shared disk {name} mounted"),
        )

    def makes(self, machine: Machine, found: Found) -> bool:
        """Tell whether this node has to make volume group and filesystem: the first, and once."""
        if not self.is_first(machine) or found.cluster_runs:
            return False
        return self.note not in found[machine].notes

    def activation(self, access: Values) -> Primitive:
        """Return the volume group's resource; `access` says to LVM who may have it.

        Timeouts as ocf:heartbeat:LVM-activate advises; its monitor asks the kernel alone.
        """
        every_s = every(self.timing, 30)
        return Primitive(
            self.storage.activation,
            "ocf:heartbeat:LVM-activate",
            operations(
                advised(self.timing, start=90, stop=90, monitor=90, every_s=every_s),
                fences=self.fences,
            ),
            {"vgname": self.group, "lvname": self.storage.name, **access},
        )

    def readings(self) -> dict[str, str]:
        """Ask LVM who owns what, and the kernel what is active here."""
        return {READING: f"{{ {LIMITED} {self.owners_command}; {MAPPED_COMMAND}; }}"}

    def volumes(self, seen: Seen) -> dict[str, Volumes]:
        """Return what each node says of volume groups."""
        return {
            name: parse_volumes(node.told.get(READING, "")) for name, node in seen.reached.items()
        }

    def active(self, seen: Seen) -> tuple[str, ...]:
        """Return the nodes whose kernels have the logical volume."""
        return tuple(
            name for name, found in self.volumes(seen).items() if self.mapped in found.active
        )

    def mounted(self, seen: Seen) -> tuple[str, ...]:
        """Return the nodes that have the filesystem mounted."""
        place = self.storage.mount_point
        return tuple(name for name, node in seen.reached.items() if place in node.mounts)

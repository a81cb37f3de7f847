"""One disk that all nodes are attached to: LVM lets its owner alone have it, and fencing the owner.

LVM's system ID keeps a mistake away, as by a boot or a person; it is no fencing, for whoever takes
over writes his own over it (lvmsystemid(7)). That the former owner is gone by then, fencing makes
sure of before the cluster lets anybody take over.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from inventory.model import Machine
from labs.roles import MachineRole
from parts.base import Found
from parts.cluster import Primitive, Values, advised, every, operations
from parts.host import NOTES, UNITS, Entry, File, Folder, Step, program, render, unit_link
from parts.reasons import FOR_EVER, Reason, Remedy
from parts.secrets import Secrets
from parts.seen import LIMITED, Seen, exactly_one
from parts.storage.base import StoragePart
from parts.storage.replicas import named
from parts.watched import Column, Place, Watched, watched
from wire.lvm import MAPPED_COMMAND, OWNERS_COMMAND, Volumes, parse_volumes
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


class SharedDisk(StoragePart):
    """One filesystem on a logical volume that takes all of a disk, which every node can reach."""

    kind = "shared-disk"
    # Its agent uses dmsetup and procps, that of filesystems psmisc.
    node_packages = ("dmsetup", "e2fsprogs", "lvm2", "procps", "psmisc", "resource-agents")

    # Reads the device past the cache. Without it, it is enough to be mounted: a disk that is gone
    # would not be missed before somebody writes.
    filesystem_monitor: ClassVar[Values] = {"OCF_CHECK_LEVEL": 10}

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
        return (BLOCK_DEVICES,) if role is MachineRole.NODE else ()

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe LVM's configuration, the order of a shutdown and the place for the filesystem.

        Both that and the mount point are there on every node: any of them may take over.
        """
        if machine.role is MachineRole.MONITOR:
            return ()
        return (
            File(CONFIGURATION, render("lvmlocal.conf.j2")),
            File(AFTER_PACEMAKER, render("volumes.conf.j2", unit=BLOCK_DEVICES)),
            unit_link(BLOCK_DEVICES, "sysinit.target.wants"),
            Folder(self.storage.mount_point),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Start what does nothing before a shutdown."""
        if machine.role is MachineRole.MONITOR or found[machine].unit(BLOCK_DEVICES).active:
            return ()
        command = f"systemctl start {BLOCK_DEVICES}"
        return (Step("block devices are let go at a shutdown", command),)

    def prepare_data(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make volume group and filesystem; on the first node only, and for the cluster to start.

        All nodes must have their own system ID by then.
        """
        if not self.is_first(machine) or found.cluster_runs or self.note in found[machine].notes:
            return ()
        words = (
            self.storage.disk,
            self.group,
            self.storage.name,
            f"{NOTES}/{self.note}",
            self.inventory.lab,
            self._fill,
        )
        command = f"set -- {shlex.join(words)}\n{program('initialise_shared_disk.sh')}"
        return (Step("volume group on the shared disk and its filesystem made", command),)

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

    def members(self) -> tuple[Primitive, ...]:
        """Return the volume group, then the filesystem in it.

        Timeouts as ocf:heartbeat:LVM-activate advises; its monitor asks the kernel alone.
        """
        timing = self.timing
        every_s = every(timing, 30)
        activation = Primitive(
            self.storage.activation,
            "ocf:heartbeat:LVM-activate",
            operations(advised(timing, start=90, stop=90, monitor=90, every_s=every_s)),
            {
                "vgname": self.group,
                "lvname": self.storage.name,
                "vg_access_mode": "system_id",
            },
        )
        return (activation, *super().members())

    def readings(self) -> dict[str, str]:
        """Ask LVM who owns what, and the kernel what is active here."""
        return {READING: f"{{ {LIMITED} {OWNERS_COMMAND}; {MAPPED_COMMAND}; }}"}

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

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell who uses it although another does, and who could not take over."""
        active, mounted = self.active(seen), self.mounted(seen)
        users = tuple(name for name in seen.reached if name in (*active, *mounted))
        if len(users) > 1:
            yield self._used_twice(seen, users)
        else:
            yield from exactly_one(f"has volume group {self.group} active", active)
            yield from exactly_one(f"has {self.storage.mount_point} mounted", mounted)
        for name, found in self.volumes(seen).items():
            owner = found.owners.get(self.group)
            if owner is None:
                yield f"{name} cannot read the shared disk{named(self.storage)}"
            elif users == (name,) and owner != name:
                yield Reason(self._disowned(owner, name), self._claim(owner, name), FOR_EVER)

    def _used_twice(self, seen: Seen, users: tuple[str, ...]) -> Reason:
        """Tell of what must never be, before everything else, and who has to go at once."""
        rightful = seen.cluster.running(*self.holder) if seen.cluster else ()
        intruders = [name for name in users if name not in rightful]
        which = named(self.storage)
        sentence = (
            f"the shared disk{which} is in use on {' and '.join(users)} at once: "
            "each destroys what the other writes"
        )
        if not rightful or not intruders:
            return Reason(sentence, None, FOR_EVER, grave=True)
        # Whatever it still holds in memory must not be written: no unmounting, no shutdown.
        remedy = Remedy(
            rightful[0],
            f"stonith_admin --reboot {intruders[0]}",
            f"{intruders[0]} is reset, and what was written there is lost; check the filesystem",
        )
        return Reason(sentence, remedy, FOR_EVER, grave=True)

    def _disowned(self, owner: str, user: str) -> str:
        whose = f"{owner}'s" if owner else "nobody's"
        return f"volume group {self.group} is {whose} to LVM, and {user} has it active"

    def _claim(self, owner: str, user: str) -> Remedy:
        extra = f"--config 'local/extra_system_ids=[\"{owner}\"]' " if owner else ""
        return Remedy(user, f"vgchange --yes {extra}--systemid {user} {self.group}")

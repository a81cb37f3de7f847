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
from parts.base import Found
from parts.cluster import Primitive
from parts.host import NOTES, Step, program
from parts.reasons import FOR_EVER, Reason, Remedy
from parts.seen import Seen, exactly_one
from parts.storage.replicas import named
from parts.storage.volumes import VolumePart
from wire.lvm import OWNERS_COMMAND

AT_ONCE = "each destroys what the other writes"
"""What is said where two nodes use one disk."""


class SharedDisk(VolumePart):
    """One filesystem on a logical volume that takes all of a disk, which every node can reach."""

    kind = "shared-disk"
    owners_command: ClassVar[str] = OWNERS_COMMAND

    @property
    def configuration(self) -> str:
        """Each node owns what it writes its name on."""
        return "lvmlocal.conf.j2"

    def prepare_data(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make volume group and filesystem; on the first node only, and for the cluster to start.

        All nodes must have their own system ID by then.
        """
        if not self.makes(machine, found):
            return ()
        words = (
            self.storage.disk,
            self.group,
            self.storage.name,
            f"{NOTES}/{self.note}",
            self.inventory.lab,
            self._fill,
        )
        made = program("make_filesystem.sh", "initialise_shared_disk.sh")
        command = f"set -- {shlex.join(words)}\n{made}"
        what = "volume group on the shared disk and its filesystem made"
        return (Step(what, command, self._fill_s),)

    def members(self) -> tuple[Primitive, ...]:
        """Return the volume group, then the filesystem in it."""
        return (self.activation({"vg_access_mode": "system_id"}), *super().members())

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
        sentence = f"the shared disk{which} is in use on {' and '.join(users)} at once: {AT_ONCE}"
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

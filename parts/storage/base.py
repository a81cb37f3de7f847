"""What storage is besides a part: a filesystem, and whoever has it: one node at a time, or all."""

from __future__ import annotations

from typing import ClassVar

from inventory.model import Inventory, Machine
from inventory.parts import Storage
from parts.base import Part
from parts.cluster import Primitive, Values, advised, every, operations
from parts.constraints import Constraint, Exclusion
from parts.seen import Seen
from wire.pacemaker import Role

FILESYSTEM_EVERY_S = 20
"""Between two monitors of a filesystem, on machines as usual."""


class StoragePart(Part):
    """One filesystem. A kind of storage says what it is on, and which node has it.

    `fill` is shell text that fills the folder that it gets as $1: what the filesystem begins with;
    `fill_s` is what that may take, in seconds, besides what steps usually may.
    `sync`: whoever uses it does not sync by himself what he promises.
    """

    kind: ClassVar[str]
    """That of its table among those of labs.tables.storage."""

    fstype: ClassVar[str] = "ext4"
    """The filesystem, as mount(8) calls it."""

    fences: ClassVar[bool] = False
    """Whether a node is fenced where its monitors fail: what they watch cannot be started anew."""

    filesystem_monitor: ClassVar[Values] = {}
    """Parameters of the monitor of ocf:heartbeat:Filesystem."""

    def __init__(
        self, inventory: Inventory, storage: Storage, fill: str, *, sync: bool, fill_s: float = 0.0
    ) -> None:
        super().__init__(inventory)
        self.storage = storage
        self.carriers = tuple(node.name for node in inventory.carriers(storage))
        """The nodes that have it within reach, by name."""
        self._fill = fill
        self._fill_s = fill_s
        self._sync = sync

    def is_carrier(self, machine: Machine) -> bool:
        """Tell whether a machine has it within reach."""
        return machine.name in self.carriers

    def is_first_carrier(self, machine: Machine) -> bool:
        """Tell whether this machine does what only one of them may do."""
        return machine.name == self.carriers[0]

    @property
    def note(self) -> str:
        """Name of the note that a filesystem was made."""
        raise NotImplementedError

    @property
    def device(self) -> str:
        """The block device that the filesystem is on, at the node that has it."""
        raise NotImplementedError

    @property
    def holder(self) -> tuple[str, Role]:
        """Id of the resource that says who has the data: the node where it is in this role."""
        raise NotImplementedError

    def is_redundant(self, seen: Seen) -> bool:
        """Tell whether no node waits for what another has."""
        return True

    def members(self) -> tuple[Primitive, ...]:
        """Return what a service that uses the storage has in its group.

        With `sync` a write that was answered is on the disk, or on all of them. Timeouts as
        ocf:heartbeat:Filesystem advises.
        """
        every_s = every(self.timing, FILESYSTEM_EVERY_S)
        filesystem = Primitive(
            self.storage.filesystem,
            "ocf:heartbeat:Filesystem",
            operations(
                advised(self.timing, start=60, stop=60, monitor=40, every_s=every_s),
                self.filesystem_monitor,
                fences=self.fences,
            ),
            {
                "device": self.device,
                "directory": self.storage.mount_point,
                "fstype": self.fstype,
                "options": "noatime,sync" if self._sync else "noatime",
            },
        )
        return (filesystem,)

    def ties(self, user: str) -> tuple[Constraint, ...]:
        """Return what keeps a user of the storage, a resource, where its data can be written."""
        return self.excluding(user)

    def excluding(self, resource: str) -> tuple[Constraint, ...]:
        """Return what keeps a resource from the nodes that do not have the storage."""
        return tuple(
            Exclusion(resource, node.name)
            for node in self.inventory.nodes
            if not self.is_carrier(node)
        )

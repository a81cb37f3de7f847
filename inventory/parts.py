"""The parts that a cluster is made of, with every name that several places need.

The first service and the first storage have plain names; those of others begin with their own.
"""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Annotated, Literal

from pydantic import Field

from inventory.frozen import Frozen
from labs.ports import DRBD_PORT
from labs.tables.base import PartName, ServiceName, StorageName
from labs.tables.services import AnyService
from labs.tables.storage import AnyStorage


class Part(Frozen):
    """Something that has a name of its own. `number` counts the parts of its sort from 0."""

    name: PartName
    number: Annotated[int, Field(ge=0)] = 0

    def _id(self, word: str) -> str:
        return f"{self.name}-{word}" if self.number else word


class Service(Part):
    """What clients use, and its floating addresses: one, or one for each node in their order.

    There are none where another service passes requests to it.
    """

    name: ServiceName
    addresses: tuple[IPv4Interface, ...]
    settings: AnyService

    @property
    def port(self) -> int:
        """The TCP port at every address."""
        return self.settings.port

    @property
    def everywhere(self) -> bool:
        """Whether it runs on all nodes at once."""
        return self.settings.everywhere

    @property
    def resource(self) -> str:
        """Id of the resource that is the service itself."""
        return self.name

    @property
    def group(self) -> str:
        """Id of the group, or of the clone, that the resource is in."""
        return f"{self.name}-everywhere" if self.everywhere else self._id("service")

    @property
    def served(self) -> Literal["promote", "start"]:
        """What the cluster does with the resource where clients are to find a server."""
        return "promote" if self.settings.promoted else "start"

    @property
    def ready(self) -> str | None:
        """What tells of each node that clients are served there; None where no address asks.

        Id of a resource, and the node attribute that this sets.
        """
        return f"{self.name}-ready" if self.everywhere and self.addresses else None

    @property
    def export(self) -> str:
        """Id of the resource that lets clients of a file server in."""
        return self._id("export")

    @property
    def address_ids(self) -> dict[str, IPv4Interface]:
        """The floating addresses by the ids of their resources."""
        if not self.everywhere:
            return {self._id("address"): self.addresses[0]}
        return {self._id(f"address-{n}"): each for n, each in enumerate(self.addresses, 1)}


class Storage(Part):
    """Data that one node at a time can use, or all. `disk` is the device below it, in each node.

    What DRBD calls it, and `clone` and `instance`, are of storage that is replicated; what is told
    of mounts and locks is of storage that all nodes use at once.
    """

    name: StorageName
    settings: AnyStorage
    disk: str

    @property
    def replicated(self) -> bool:
        """Whether nodes have disks of their own for it, and do not share one."""
        return self.settings.replicated

    @property
    def resource(self) -> str:
        """What DRBD calls it."""
        return f"r{self.number}"

    @property
    def device(self) -> str:
        """The replicated device in a node."""
        return f"/dev/drbd{self.number}"

    @property
    def port(self) -> int:
        """The TCP port that replication uses."""
        return DRBD_PORT + self.number

    @property
    def mount_point(self) -> str:
        """Where the filesystem is mounted on the node that uses it."""
        return f"/srv/{self.name}"

    @property
    def clone(self) -> str:
        """Id of the promotable clone."""
        return self._id("replication")

    @property
    def instance(self) -> str:
        """Id of the resource that is cloned."""
        return self._id("drbd")

    @property
    def activation(self) -> str:
        """Id of the resource that is the volume group of a shared disk, on who has it."""
        return self._id("volume")

    @property
    def together(self) -> bool:
        """Whether all nodes use it at once."""
        return self.settings.together

    @property
    def mounts(self) -> str:
        """Id of the clone by which every node mounts it."""
        return self._id("mounts")

    @property
    def mount(self) -> str:
        """Id of the group that is cloned."""
        return self._id("mount")

    @property
    def lock_manager(self) -> str:
        """Id of the resource that is the kernel's lock manager and its daemon."""
        return self._id("dlm")

    @property
    def volume_locks(self) -> str:
        """Id of the resource by which LVM asks that."""
        return self._id("lvmlockd")

    @property
    def taken(self) -> tuple[Literal["promote", "start"], str]:
        """What the cluster does, with which resource, where it gives the data to a node."""
        return ("promote", self.instance) if self.replicated else ("start", self.activation)

    @property
    def filesystem(self) -> str:
        """Id of the filesystem's resource."""
        return self._id("filesystem")

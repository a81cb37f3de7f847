"""Where services keep their data: one class a kind of storage."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from labs.notes import Note
from labs.tables.base import NodeName, Table
from labs.tables.machines import DiskMib

REPLICAS = 2
"""How many nodes DRBD 8.4 replicates between."""

GFS2_JOURNAL_MIB = 8
"""Of each node's journal: the least that mkfs.gfs2(8) allows."""

GFS2_LEAST_MIB = 192
"""A journal and a file of changed quotas, of 1 MiB, for as many nodes as a lab can have come to 72;
the same again and more is left for data."""

LVM_RESERVED = ("pvmove", "snapshot")
"""How no logical volume's name can begin (lvm(8), "VALID NAMES"); the disk's is its storage's."""


def _pair(names: tuple[str, ...]) -> tuple[str, ...]:
    if names and (len(names) != REPLICAS or len(set(names)) != REPLICAS):
        raise ValueError("DRBD 8.4 replicates between two nodes")
    return names


class StorageTable(Table):
    """What every kind of storage has.

    `replicas` is how many nodes it is replicated between, each with a disk of its own; None where
    all nodes share one disk.
    """

    replicas: ClassVar[int | None]

    together: ClassVar[bool] = False
    """Whether all nodes use it at once, and not one at a time."""

    alone: ClassVar[str] = ""
    """Why no other disk that nodes share can be beside it, where that is so."""

    least_mib: ClassVar[int] = 0
    least_why: ClassVar[str] = ""
    """What its disk has to have at least, and for what."""

    reserved: ClassVar[tuple[str, ...]] = ()
    """How its name cannot begin, as what it is made of has other uses for that."""

    needs_full_kernel: ClassVar[bool] = False
    """Whether Debian's cloud kernel lacks what it needs."""

    size_mib: Annotated[DiskMib | None, Note(default="`[nodes]` data_disk_mib")] = Field(
        default=None, description="size of its disk, or of each of its disks"
    )

    @property
    def replicated(self) -> bool:
        """Whether nodes have disks of their own for it, and do not share one."""
        return self.replicas is not None

    @property
    def chosen(self) -> tuple[str, ...]:
        """The nodes that the definition gives it to; none where that follows from the lab's."""
        return ()

    def carriers(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of a lab's nodes that have it within reach, in the lab's order.

        No other can run the service that uses it.
        """
        return tuple(node for node in nodes if node in self.chosen) if self.chosen else nodes


class Drbd(StorageTable):
    """[storage.NAME] kind = "drbd": a disk on each of two nodes, replicated block by block."""

    title: ClassVar[str] = "DRBD"
    replicas: ClassVar[int | None] = REPLICAS

    kind: Literal["drbd"] = Field(
        description="a disk on each of two nodes, replicated block by block, with a filesystem on "
        "it that is mounted at `/srv/NAME` on the node that uses it"
    )
    nodes: Annotated[
        tuple[NodeName, ...],
        AfterValidator(_pair),
        Note(allowed="two of nodes.names", default="the lab's two nodes"),
    ] = Field(
        default=(),
        description="the two nodes with the disks. They alone can run the service that uses it; "
        "the others vote, and run what has no storage",
        json_schema_extra={"minItems": REPLICAS, "maxItems": REPLICAS},
    )

    @property
    def chosen(self) -> tuple[str, ...]:
        """The nodes that the definition gives it to; none where that follows from the lab's."""
        return self.nodes


class SharedDisk(StorageTable):
    """[storage.NAME] kind = "shared-disk": one disk that all nodes are attached to.

    LVM lets one of them at a time have it.
    """

    title: ClassVar[str] = "LVM"
    replicas: ClassVar[int | None] = None
    reserved: ClassVar[tuple[str, ...]] = LVM_RESERVED

    kind: Literal["shared-disk"] = Field(
        description="one disk that all nodes are attached to, with a volume group that one of them "
        "at a time owns, and in that a filesystem, mounted likewise"
    )


class Gfs2(StorageTable):
    """[storage.NAME] kind = "gfs2": one disk that all nodes are attached to, and all write at once.

    A lock manager lets each of them have what no other is using just then.
    """

    title: ClassVar[str] = "GFS2"
    replicas: ClassVar[int | None] = None
    together: ClassVar[bool] = True
    alone: ClassVar[str] = (
        "a node has one lock manager, and its LVM asks that for every disk that nodes share"
    )
    least_mib: ClassVar[int] = GFS2_LEAST_MIB
    least_why: ClassVar[str] = "it holds a journal for every node that a lab can ever have"
    reserved: ClassVar[tuple[str, ...]] = LVM_RESERVED
    needs_full_kernel: ClassVar[bool] = True

    kind: Literal["gfs2"] = Field(
        description="one disk that all nodes are attached to, with a filesystem that is mounted at "
        "`/srv/NAME` on all of them at once, and written by all; for a service that runs everywhere"
    )


AnyStorage = Annotated[Drbd | SharedDisk | Gfs2, Field(discriminator="kind")]

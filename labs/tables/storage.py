"""Where services keep their data: one class a kind of storage."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from labs.notes import Note
from labs.tables.base import Table
from labs.tables.machines import DiskMib


class StorageTable(Table):
    """What every kind of storage has.

    `replicas` is how many nodes it is replicated between, each with a disk of its own; None where
    all nodes share one disk.
    """

    replicas: ClassVar[int | None]

    size_mib: Annotated[DiskMib | None, Note(default="`[nodes]` data_disk_mib")] = Field(
        default=None, description="size of its disk, or of each of its disks"
    )


class Drbd(StorageTable):
    """[storage.NAME] kind = "drbd": a disk on each of two nodes, replicated block by block.

    Two, because that is how many DRBD 8.4 replicates between.
    """

    replicas: ClassVar[int | None] = 2

    kind: Literal["drbd"] = Field(
        description="a disk on each of two nodes, replicated block by block, with a filesystem on "
        "it that is mounted at `/srv/NAME` on the node that uses it"
    )


class SharedDisk(StorageTable):
    """[storage.NAME] kind = "shared-disk": one disk that all nodes are attached to.

    LVM lets one of them at a time have it.
    """

    replicas: ClassVar[int | None] = None

    kind: Literal["shared-disk"] = Field(
        description="one disk that all nodes are attached to, with a volume group that one of them "
        "at a time owns, and in that a filesystem, mounted likewise"
    )


AnyStorage = Annotated[Drbd | SharedDisk, Field(discriminator="kind")]

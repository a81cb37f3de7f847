"""Where services keep their data: one class a kind of storage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labs.notes import Note
from labs.tables.base import Table
from labs.tables.machines import DiskMib


class Drbd(Table):
    """[storage.NAME] kind = "drbd": a disk on each of two nodes, replicated block by block.

    Two, because that is how many DRBD 8.4 replicates between.
    """

    kind: Literal["drbd"] = Field(
        description="a disk on each of two nodes, replicated block by block, with a filesystem on "
        "it that is mounted at `/srv/NAME` on the node that uses it"
    )
    size_mib: Annotated[DiskMib | None, Note(default="`[nodes]` data_disk_mib")] = Field(
        default=None, description="size of each of its disks"
    )


AnyStorage = Drbd

"""Where services keep their data: one class a kind of storage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from labs.tables.base import Table
from labs.tables.machines import DISK_ALLOWED, DiskMib


class Drbd(Table):
    """[storage.NAME] kind = "drbd": a disk on each of two nodes, replicated block by block.

    Two, because that is how many DRBD 8.4 replicates between.
    """

    kind: Literal["drbd"] = Field(default="drbd", description='"drbd"')
    size_mib: DiskMib | None = Field(default=None, description=DISK_ALLOWED)


AnyStorage = Drbd

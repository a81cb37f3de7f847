"""Who decides which part of a divided cluster goes on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from labs.tables.base import Table


class Quorum(Table):
    """[quorum]: the nodes' own majority, or a vote more from a device on the monitor.

    Left out, an even number of nodes has the device: two equal halves have no majority.
    """

    kind: Literal["device", "majority"] | None = Field(
        default=None, description='"device" or "majority"'
    )

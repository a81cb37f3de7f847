"""Who decides which part of a divided cluster goes on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labs.means import QuorumMeans
from labs.notes import Note
from labs.tables.base import Table


class Quorum(Table):
    """[quorum]: the nodes' own majority, a vote more from a device on the monitor, or one of two.

    Left out, an even number of nodes has the device: two equal halves have no majority.
    """

    kind: Annotated[
        QuorumMeans | None,
        Note(
            allowed='"device" for an even number of nodes, "majority" for more than two, '
            '"two-node" for two with up to nine floating addresses',
            default='"device" for an even number of nodes, else "majority"',
        ),
    ] = Field(
        default=None,
        description="a vote more from a quorum device on the monitor, or the nodes' own majority; "
        "`two-node` needs neither: each of two nodes may go on alone, and if they lose sight of "
        "each other the one that serves fences first. A node that starts waits until it has seen "
        "the other",
    )

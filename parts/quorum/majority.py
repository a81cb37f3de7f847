"""The nodes' own majority, and nobody else's vote."""

from __future__ import annotations

from parts.quorum.own_votes import OwnVotes


class Majority(OwnVotes):
    """More than half of the nodes: of two equal parts of a cluster neither goes on."""

    kind = "majority"

"""The part of each kind of quorum that labs.tables.quorum knows."""

from __future__ import annotations

from inventory.model import Inventory
from parts.quorum.base import QuorumPart
from parts.quorum.device import Device
from parts.quorum.majority import Majority
from parts.quorum.two_node import TwoNode

QUORUM: dict[str, type[QuorumPart]] = {
    "device": Device,
    "majority": Majority,
    "two-node": TwoNode,
}


def quorum(inventory: Inventory) -> QuorumPart:
    """Return who decides in a lab."""
    return QUORUM[inventory.quorum](inventory)

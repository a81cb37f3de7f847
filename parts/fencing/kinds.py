"""The part of each kind of fencing that an inventory knows."""

from __future__ import annotations

from inventory.model import CloudFencing, FencingDisk, Inventory
from parts.fencing.aws import FenceAws
from parts.fencing.base import FencingPart
from parts.fencing.sbd import Sbd


def fencing(inventory: Inventory) -> FencingPart:
    """Return how the nodes of a lab fence each other."""
    match inventory.fencing:
        case FencingDisk(disk=disk):
            return Sbd(inventory, disk)
        case CloudFencing():
            return FenceAws(inventory)

"""The part of each kind of quorum that labs.tables.quorum knows."""

from __future__ import annotations

from inventory.model import Inventory
from parts.kinds import kinds_in
from parts.quorum.base import QuorumPart

QUORUM = kinds_in("parts.quorum", QuorumPart)


def quorum(inventory: Inventory) -> QuorumPart:
    """Return who decides in a lab."""
    return QUORUM[inventory.quorum](inventory)

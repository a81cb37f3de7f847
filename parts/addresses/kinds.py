"""The part of each kind of floating address that labs.means knows."""

from __future__ import annotations

from inventory.model import Inventory
from inventory.parts import Service
from parts.addresses.base import AddressPart
from parts.kinds import kinds_in

ADDRESSES = kinds_in("parts.addresses", AddressPart)


def addresses(inventory: Inventory, service: Service) -> AddressPart:
    """Return the floating addresses of a service."""
    return ADDRESSES[inventory.addresses](inventory, service)

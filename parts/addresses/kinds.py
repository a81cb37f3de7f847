"""The part of each kind of floating address that labs.means knows."""

from __future__ import annotations

from inventory.model import Inventory
from inventory.parts import Service
from labs.means import AddressMeans
from parts.addresses.base import AddressPart
from parts.addresses.ipaddr2 import IpAddr2
from parts.addresses.move_ip import MoveIp

ADDRESSES: dict[AddressMeans, type[AddressPart]] = {"announced": IpAddr2, "routed": MoveIp}


def addresses(inventory: Inventory, service: Service) -> AddressPart:
    """Return the floating addresses of a service."""
    return ADDRESSES[inventory.addresses](inventory, service)

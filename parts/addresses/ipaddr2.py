"""A floating address: it is where the service is."""

from __future__ import annotations

from core.errors import HalabError
from inventory.model import Inventory
from labs.roles import NetworkRole
from parts.cluster import Primitive, operations

PRIMITIVE = "address"
"""Id in the cluster's configuration."""


def members(inventory: Inventory) -> tuple[Primitive, ...]:
    """Return what a service has in its group for its clients to find it."""
    service = inventory.service.address
    address = Primitive(
        PRIMITIVE,
        "ocf:heartbeat:IPaddr2",
        operations(inventory.timing.address),
        {
            "ip": str(service.ip),
            "cidr_netmask": service.network.prefixlen,
            "nic": interface(inventory),
        },
    )
    return (address,)


def interface(inventory: Inventory) -> str:
    """Return what every node calls its interface in the service network.

    Raises HalabError when they call it differently: a resource has one configuration for all nodes.
    """
    names = {node.interfaces[NetworkRole.SERVICE].name for node in inventory.nodes}
    if len(names) != 1:
        raise HalabError(
            f"the nodes call their service interface differently: {', '.join(sorted(names))}",
            hint="the floating address needs the same interface name on every node",
        )
    return names.pop()

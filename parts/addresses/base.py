"""Floating addresses: they are where the service is, by whatever means clients find them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface
from typing import ClassVar

from core.errors import HalabError
from inventory.model import Inventory
from inventory.parts import Service
from labs.roles import NetworkRole
from parts.addresses import home, ready
from parts.base import Part
from parts.cluster import Primitive, Resource
from parts.constraints import Constraint
from parts.reasons import Reason
from parts.seen import Seen, exactly_one


class AddressPart(Part):
    """The floating addresses of one service."""

    kind: ClassVar[str]
    """That of labs.means."""

    start_pace_s: ClassVar[float]
    """Seconds of a failover's budget that an address may take, for each unit of pace."""

    def __init__(self, inventory: Inventory, service: Service) -> None:
        super().__init__(inventory)
        self.service = service

    def primitive(self, name: str, address: IPv4Interface) -> Primitive:
        """Return one address as a resource with this id."""
        raise NotImplementedError

    def members(self) -> tuple[Primitive, ...]:
        """Return one resource for each address."""
        return tuple(
            self.primitive(name, address) for name, address in self.service.address_ids.items()
        )

    def resources(self) -> tuple[Resource, ...]:
        """Return the addresses of a service that runs everywhere: else they are in its group."""
        return self.members() if self.service.everywhere else ()

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell of an address that nobody or more than one has, or that is not at its own node.

        Each machine's own kernel is asked; the cluster's opinion is judged besides.
        """
        homes = self.inventory.homes(self.service)
        for name, address in self.service.address_ids.items():
            holders = seen.holders(address.ip)
            yield from exactly_one(f"holds the service address {address.ip}", holders)
            if seen.cluster is not None and not seen.cluster.running(name):
                yield f"resource {name} is not started"
            node = homes.get(address.ip)
            if node in seen.online and holders and node not in holders:
                yield f"the service address {address.ip} is on {holders[0]}, not at home on {node}"

    def constraints(self) -> tuple[Constraint, ...]:
        """Return what brings a service home, and keeps each address where the service runs."""
        served = self.service.address_ids if self.service.everywhere else ()
        return (
            *(each for name in served for each in ready.where_served(self.service, name)),
            *home.preferences(self.inventory, self.service),
        )


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

"""Floating addresses in a cloud of AWS: a route leads to the node that has one.

Nobody asks by ARP who has such an address, and who announced it so would be heard by nobody. It is
outside the cloud's own networks; the table of routes says to which network interface it goes.
"""

from __future__ import annotations

from ipaddress import IPv4Interface

from inventory.model import Inventory
from inventory.parts import Service
from labs import cloud_timing
from parts.addresses.base import AddressPart, interface
from parts.cluster import Primitive, advised, every, operations

CALLS = 3
"""How often a start asks AWS: where the route leads, to lead it here, and whether it does."""

PAUSES_S = 3
"""What the agent sleeps after these, a second each."""


class MoveIp(AddressPart):
    """Addresses that ocf:heartbeat:aws-vpc-move-ip adds to an interface and routes there."""

    kind = "routed"
    # On every operation the agent asks AWS which instance this is.
    node_packages = ("awscli", "curl", "iproute2", "resource-agents")
    monitor_packages = ("iproute2",)
    cloud_only = True

    start_pace_s = float(CALLS * cloud_timing.CALL_S + PAUSES_S)

    def __init__(self, inventory: Inventory, service: Service) -> None:
        """Raise HalabError where the inventory does not say where in AWS the lab is."""
        super().__init__(inventory, service)
        self.cloud = inventory.own_cloud

    def primitive(self, name: str, address: IPv4Interface) -> Primitive:
        """Return an address with timeouts as the agent advises.

        Nodes have several interfaces, so that a route to one's instance is not enough: it has to
        lead to the interface with the address (`lookup_type`). Where it leads is looked at before
        and after a start, and by no monitor (`monapi`): while AWS does not answer, such a monitor
        takes the address for stopped, and so does the stop that follows, which then leaves it where
        it is (resource-agents 4.16).
        """
        timeouts = advised(
            self.timing, start=180, stop=180, monitor=30, every_s=every(self.timing, 20)
        )
        return Primitive(
            name,
            "ocf:heartbeat:aws-vpc-move-ip",
            operations(timeouts),
            {
                "ip": str(address.ip),
                "interface": interface(self.inventory),
                "routing_table": self.cloud.route_table,
                "lookup_type": "NetworkInterfaceId",
                "region": self.cloud.region,
                "auth_type": "role",
                "monapi": "false",
            },
        )

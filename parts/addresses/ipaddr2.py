"""Floating addresses that a network asks for: who has one answers, and says so when it gets it."""

from __future__ import annotations

from ipaddress import IPv4Interface

from parts.addresses.base import AddressPart, interface
from parts.cluster import Primitive, advised, every, operations


class IpAddr2(AddressPart):
    """Addresses that ocf:heartbeat:IPaddr2 adds to an interface and announces by gratuitous ARP."""

    kind = "announced"
    node_packages = ("iproute2", "iputils-arping", "resource-agents")
    monitor_packages = ("iproute2",)

    start_pace_s = 1.5

    def primitive(self, name: str, address: IPv4Interface) -> Primitive:
        """Return an address with timeouts as the agent advises."""
        every_s = every(self.timing, 10)
        timeouts = advised(self.timing, start=20, stop=20, monitor=20, every_s=every_s)
        return Primitive(
            name,
            "ocf:heartbeat:IPaddr2",
            operations(timeouts),
            {
                "ip": str(address.ip),
                "cidr_netmask": address.network.prefixlen,
                "nic": interface(self.inventory),
            },
        )

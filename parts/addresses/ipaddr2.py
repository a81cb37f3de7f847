"""Floating addresses that a network asks for: who has one answers, and says so when it gets it."""

from __future__ import annotations

from ipaddress import IPv4Interface

from labs.roles import MachineRole
from parts.addresses.base import AddressPart, interface
from parts.cluster import Primitive, advised, every, operations


class IpAddr2(AddressPart):
    """Addresses that ocf:heartbeat:IPaddr2 adds to an interface and announces by gratuitous ARP."""

    start_pace_s = 1.5

    def packages(self, role: MachineRole) -> tuple[str, ...]:
        """Return what the agent uses."""
        if role is MachineRole.MONITOR:
            return ("iproute2",)
        return ("iproute2", "iputils-arping", "resource-agents")

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

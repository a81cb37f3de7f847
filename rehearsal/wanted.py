"""What an account's books say shall be there: networks, filters, guests and their disks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

PUBLIC = IPv4Network("198.18.0.0/15")
"""Where public addresses are, which the router translates: no others' (RFC 2544)."""

SHORT = 12
"""Letters of an id that are kept in the name of a network device, which has 15 at most."""


@dataclass(frozen=True)
class Port:
    """A network interface that is in an instance.

    `checked` tells whether only what is from or for one of its addresses passes. `addresses`
    begins with the one that it has from the start. `public` is translated to that.
    """

    id: str
    mac: str
    subnet: str
    addresses: tuple[IPv4Address, ...]
    groups: tuple[str, ...]
    checked: bool = True
    public: IPv4Address | None = None

    @property
    def device(self) -> str:
        """The name of its end on this side, which is the only one in its bridge."""
        return f"tap{self.id[-SHORT:]}"

    @property
    def bridge(self) -> str:
        """The name of its bridge: a cable to the router, since a cloud has no layer 2."""
        return f"eni{self.id[-SHORT:]}"

    @property
    def address(self) -> IPv4Address:
        """The address that the subnet's router hands to it."""
        return self.addresses[0]


@dataclass(frozen=True)
class Subnet:
    """A subnet; `table` is the route table of what comes from it."""

    id: str
    network: IPv4Network
    table: str

    @property
    def router(self) -> IPv4Address:
        """The router's address, which is the first as on AWS."""
        return self.network.network_address + 1


@dataclass(frozen=True)
class Rule:
    """What a security group lets pass, in or out.

    `protocol` is a name or number, None for all. `first` and `last` are ports, or for ICMP the
    type, where -1 means all; they count for TCP, UDP and ICMP alone. The other side is a network
    or the members of a group.
    """

    group: str
    egress: bool
    protocol: str | None
    first: int | None = None
    last: int | None = None
    network: IPv4Network | None = None
    peers: str | None = None


@dataclass(frozen=True)
class Volume:
    """A disk beside the system's; `attached` says in which instances, and by which name."""

    id: str
    size_gib: int
    shared: bool
    attached: Mapping[str, str]


@dataclass(frozen=True)
class Guest:
    """An instance: its interfaces by their index, and the size of its system disk."""

    id: str
    root_gib: int
    ports: Mapping[int, Port]


@dataclass(frozen=True)
class Wanted:
    """All of it. `routes` are, by route table, networks and the interface that each leads to."""

    subnets: tuple[Subnet, ...] = ()
    routes: Mapping[str, Mapping[IPv4Network, str]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    volumes: tuple[Volume, ...] = ()
    guests: tuple[Guest, ...] = ()

    @property
    def ports(self) -> tuple[Port, ...]:
        """All interfaces of all instances."""
        return tuple(port for guest in self.guests for port in guest.ports.values())

"""Arithmetic on the lab's subnets: which address belongs to whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import chain

PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""The private address space of RFC 1918."""

SHORTEST_PREFIX, LONGEST_PREFIX = 16, 28
"""A /28 has room for nine machines, the platform's own address and four floating ones."""

FLOATING_NUMBER = 100
"""Machines count from 1; the floating address stands far from them."""


def parse_subnet(value: object) -> IPv4Network:
    """Read a subnet; raises ValueError whose text says what to write instead."""
    if isinstance(value, IPv4Network):
        subnet = value
    elif isinstance(value, str):
        loose = IPv4Network(value, strict=False)
        if "/" not in value:
            raise ValueError(f'a network has a prefix length, as "{value}/24"')
        if str(loose.network_address) != value.partition("/")[0]:
            raise ValueError(f'the network around this address is "{loose}"')
        subnet = loose
    else:
        raise ValueError("a network is written as a string")
    if not any(subnet.subnet_of(private) for private in PRIVATE):
        spaces = ", ".join(map(str, PRIVATE))
        raise ValueError(f"choose one inside {spaces}")
    if not SHORTEST_PREFIX <= subnet.prefixlen <= LONGEST_PREFIX:
        raise ValueError("the machines, the platform and a floating address must fit, and /24 does")
    return subnet


def parse_address(value: object) -> IPv4Address:
    """Read an address; ipaddress alone would read the number 5 as 0.0.0.5."""
    if isinstance(value, IPv4Address):
        return value
    if isinstance(value, str):
        return IPv4Address(value)
    raise ValueError("an address is written as a string")


def machine_address(subnet: IPv4Network, number: int) -> IPv4Address:
    """Return a machine's address: in a /24 its number is the last octet."""
    return subnet.network_address + number


def last_address(subnet: IPv4Network) -> IPv4Address:
    """Return the last usable address, .254 in a /24: it belongs to the platform."""
    return subnet.broadcast_address - 1


def floating_addresses(
    subnet: IPv4Network, taken: Collection[IPv4Address] = ()
) -> Iterator[IPv4Address]:
    """Yield addresses for services that name none: from .100 on, or from the last free one down."""
    last = last_address(subnet)
    first = subnet.network_address + FLOATING_NUMBER
    upwards = (first + number for number in range(int(last) - int(first)))
    downwards = (last - number for number in range(1, int(last) - int(subnet.network_address)))
    seen = set(taken)
    for address in chain(upwards, downwards):
        if address not in seen:
            seen.add(address)
            yield address

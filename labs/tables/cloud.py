"""How a lab lies in a virtual private cloud of AWS, and what AWS would refuse of it.

A cloud (VPC) holds no floating addresses: a route leads to each of them, and routes may not lead
to what is inside. So of each /24 of the definition the first quarter is in the cloud, divided into
one subnet for each zone, and floating addresses have the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from string import ascii_lowercase

from labs.conflicts import Conflict
from labs.instances import TYPES, Estimate
from labs.roles import CABLED, NETWORKS_OF, MachineRole, NetworkRole
from labs.subnets import PRIVATE
from labs.tables.machines import Monitor, Nodes
from labs.tables.networks import Networks
from labs.tables.services import AnyService
from labs.tables.storage import AnyStorage

NETWORK_PREFIX = 24
"""Prefix of every network: its parts for zones then are /28, the smallest subnets that AWS has."""
MOST_ZONES = 4
MOST_WITH_A_SHARED_DISK = 2
FIRST_LETTER = 5
"""f: earlier ones are for system disks."""
RESERVED = 3
"""Addresses after a subnet's own that AWS keeps (.1 to .3 of a /24), besides the last."""
MOST_IN_A_ZONE = 7
"""Running instances of a spread placement group in one zone."""

LAB_TAG = "halab-lab"
"""The tag of everything that is a lab's; it holds the name of the lab."""


REPLICATED_OVER = NetworkRole.CLUSTER_B
"""The second cluster link carries replication: the first one then has Corosync to itself."""


def carrier(network: NetworkRole) -> NetworkRole:
    """Return the network whose interfaces carry this one."""
    return REPLICATED_OVER if network is NetworkRole.REPLICATION else network


def router(address: IPv4Interface) -> IPv4Address:
    """Return the cloud's router in a subnet, by an interface's address: the subnet's first."""
    return address.network.network_address + 1


def kernel_suffices(storage: Mapping[str, AnyStorage]) -> Iterator[Conflict]:
    """Machines run with the kernel of Debian's images for clouds."""
    for name, each in storage.items():
        if each.needs_full_kernel:
            yield Conflict(
                keys=("platform",),
                value=f'"aws" (storage.{name} is of kind "{each.kind}")',
                allowed="storage of another kind, on AWS",
                hint="Debian's images for AWS have its cloud kernel, which lacks what this needs",
            )


def block(subnet: IPv4Network) -> IPv4Network:
    """Return the part of a network that lies in the cloud: its first quarter."""
    return next(subnet.subnets(prefixlen_diff=2))


def zone_subnet(subnet: IPv4Network, zone: int) -> IPv4Network:
    """Return the part of a network that one zone has; zones count from 0."""
    return list(block(subnet).subnets(prefixlen_diff=2))[zone]


def interface(subnet: IPv4Network, zone: int, number: int) -> IPv4Interface:
    """Return a machine's address: its number after those that AWS keeps."""
    own = zone_subnet(subnet, zone)
    return IPv4Interface(f"{own.network_address + RESERVED + number}/{own.prefixlen}")


def device(number: int) -> str:
    """Return where a volume is attached, by its number from 0, as AWS advises for data.

    A guest sees NVMe disks; rules of Debian's amazon-ec2-utils make a link of this name to each.
    """
    return f"/dev/sd{ascii_lowercase[FIRST_LETTER + number]}"


def networks_divide(networks: Networks) -> Iterator[Conflict]:
    """Every network is large enough for its zones, and all are of one private space."""
    space = _space(networks.management)
    for role in CABLED:
        subnet = networks.subnet(role)
        if subnet.prefixlen != NETWORK_PREFIX:
            yield Conflict(
                keys=(f"networks.{role}",),
                value=f'"{subnet}"',
                allowed=f"a network of /{NETWORK_PREFIX} on AWS",
                hint="its first quarter is divided into /28, the smallest subnets of AWS, one for "
                "each zone; floating addresses have the rest",
            )
        elif _space(subnet) != space:
            yield Conflict(
                keys=(f"networks.{role}", "networks.management"),
                value=f'"{subnet}"',
                allowed=f"a network inside {space}, as networks.management is",
                hint="AWS lets one cloud have networks of one private space alone",
            )


def addresses_route(
    services: Mapping[str, AnyService], subnet: IPv4Network, taken: Container[IPv4Address]
) -> Iterator[Conflict]:
    """Floating addresses are outside the cloud, or no route could lead to them.

    `taken` are the machines' own, which are refused as such on every platform.
    """
    inside = block(subnet)
    for name, service in services.items():
        for index, address in enumerate(service.given):
            if address in inside and address not in taken:
                key = f"addresses[{index}]" if service.everywhere else "address"
                yield Conflict(
                    keys=(f"services.{name}.{key}", "networks.service"),
                    value=f'"{address}"',
                    allowed=f"an address of {subnet} that is not in {inside}",
                    hint=f"{inside} is in the cloud, for machines and what AWS reserves; "
                    f"{subnet.network_address + 100} is not",
                )


def zones_exist(region: str, zones: Sequence[str], *, shared: bool) -> Iterator[Conflict]:
    """Zones belong to the region, each is named once, and a shared disk is in one zone."""
    for index, zone in enumerate(zones):
        if zone.rstrip("abcdefghijklmnopqrstuvwxyz") != region:
            yield _zone(index, zone, f"a zone of {region}", f'as "{region}a"')
        if zone in zones[:index]:
            yield _zone(index, zone, "every zone once", "leave it out")
    if shared and len(zones) > MOST_WITH_A_SHARED_DISK:
        yield Conflict(
            keys=("platform.zones",),
            value=f"{len(zones)} zones",
            allowed=f"up to {MOST_WITH_A_SHARED_DISK} zones with a disk that all nodes share",
            hint="such a disk is in one zone, and so are the nodes; the monitor has another",
        )


def machines_spread(zones: Sequence[int], names: Sequence[str]) -> Iterator[Conflict]:
    """AWS keeps only so many nodes of a zone on hardware of their own."""
    for zone, count in Counter(zones).items():
        if count > MOST_IN_A_ZONE:
            yield Conflict(
                keys=("nodes.names", "platform.zones"),
                value=f"{count} nodes in {names[zone]}",
                allowed=f"up to {MOST_IN_A_ZONE} nodes in one zone",
                hint="a spread placement group, which puts each on other hardware, has no more",
            )


def interfaces_fit(node_type: str, monitor_type: str) -> Iterator[Conflict]:
    """An instance takes as many network interfaces as its role has networks."""
    for key, name, role in (
        ("node_type", node_type, MachineRole.NODE),
        ("monitor_type", monitor_type, MachineRole.MONITOR),
    ):
        needed = sum(network in CABLED for network in NETWORKS_OF[role])
        if TYPES[name].interfaces < needed:
            able = [other for other, kind in TYPES.items() if kind.interfaces >= needed]
            yield Conflict(
                keys=(f"platform.{key}",),
                value=f'"{name}"',
                allowed=f"a type with {needed} network interfaces: {', '.join(able)}",
                hint=f"{name} takes {TYPES[name].interfaces}",
            )


def sizes_are_types(nodes: Nodes, monitor: Monitor) -> Iterator[Conflict]:
    """Processors and memory follow from the instance type."""
    for table, said, key in (
        ("nodes", nodes, "node_type"),
        ("monitor", monitor, "monitor_type"),
    ):
        for size in ("cpus", "memory_mib"):
            if size in said.model_fields_set:
                yield Conflict(
                    keys=(f"{table}.{size}",),
                    value=str(getattr(said, size)),
                    allowed="nothing on AWS",
                    hint=f"platform.{key} says it: leave it out",
                )


def price_is_right(limit: float | None, costs: Estimate) -> Iterator[Conflict]:
    """The estimate is within the limit that the definition sets."""
    if limit is not None and costs.usd_per_day > limit:
        yield Conflict(
            keys=("platform.max_usd_per_day",),
            value=str(limit),
            allowed=f"at least {costs.usd_per_day:.2f}, what this lab is estimated to cost",
            hint="smaller instance types or fewer nodes cost less",
        )


def _space(subnet: IPv4Network) -> IPv4Network:
    return next(space for space in PRIVATE if subnet.subnet_of(space))


def _zone(index: int, zone: str, allowed: str, hint: str) -> Conflict:
    return Conflict(
        keys=(f"platform.zones[{index}]",), value=f'"{zone}"', allowed=allowed, hint=hint
    )

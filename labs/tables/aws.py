"""Machines that Amazon Web Services rents."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictFloat,
    StrictStr,
    WithJsonSchema,
)

from labs.conflicts import Conflict
from labs.instances import MIN_IO2_GIB, ROOT_GIB, TYPES, Estimate, Region, estimate, gib
from labs.means import AddressMeans, FencingMeans
from labs.notes import Note
from labs.roles import MachineRole, NetworkRole
from labs.tables import cloud
from labs.tables.base import DOTTED, Table
from labs.tables.contents import Contents

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
ENDPOINT = rf"^http://127\.0\.0\.1:({_PORT})$"
ENDPOINT_ALLOWED = 'a server on this machine, as "http://127.0.0.1:5000"'
"""What may answer in AWS's stead."""
REHEARSAL = "rehearsal"
"""A server of the lab's own, whose instances are guests on this machine."""
SEEN_REHEARSAL = "http://169.254.169.254:8000"
"""Where these find it: beside their metadata service, whatever their subnets."""

ZONE = r"^[a-z]{2}-[a-z]+-[0-9][a-z]$"
WIDEST_SOURCE = 16
"""Shortest prefix of those who may manage machines: far from the whole world."""

TYPE_ALLOWED = f"one of {', '.join(TYPES)}"


def _source(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        source = value
    elif isinstance(value, str):
        source = IPv4Network(value)
    else:
        raise ValueError('an address or a network is written as a string, as "203.0.113.7/32"')
    if source.prefixlen < WIDEST_SOURCE:
        raise ValueError("management is not for everybody: name your own address, with /32")
    return source


def _few(zones: tuple[str, ...]) -> tuple[str, ...]:
    if len(zones) > cloud.MOST_ZONES:
        raise ValueError(f"a network is divided between {cloud.MOST_ZONES} zones")
    return zones


def _known(name: str) -> str:
    if name not in TYPES:
        raise ValueError(f"halab knows limits and prices of {', '.join(TYPES)}")
    return name


InstanceTypeName = Annotated[
    StrictStr, AfterValidator(_known), Field(json_schema_extra={"enum": list(TYPES)})
]


class Aws(Table):
    """[platform] kind = "aws": instances of EC2, which cost money while they exist."""

    fences: ClassVar[tuple[FencingMeans, ...]] = ("fence-aws",)
    addresses: ClassVar[AddressMeans] = "routed"
    gives_host_keys: ClassVar[bool] = False
    """What an instance is started with, all of its processes can read: it makes its own key."""

    kind: Literal["aws"] = Field(description="instances of Amazon EC2 (see docs/aws.md)")
    region: Region = Field(description="where: one of the regions whose prices halab knows")
    zones: Annotated[
        tuple[Annotated[StrictStr, Field(pattern=ZONE)], ...],
        AfterValidator(_few),
        Note(
            allowed=f"up to {cloud.MOST_ZONES} different zones of the region, 1 or 2 with a shared "
            'disk; as ["eu-central-1a", "eu-central-1b", "eu-central-1c"]',
            default="a, b and c of the region; a and b with a shared disk",
        ),
    ] = Field(
        default=(),
        description="availability zones. Nodes stand in them in turn; with more than one and a "
        "quorum device, the monitor has the last for itself",
    )
    node_type: Annotated[
        InstanceTypeName, Note(allowed=f"{TYPE_ALLOWED}; four network interfaces are needed")
    ] = Field(default="t3.xlarge", description="instance type of the nodes")
    monitor_type: Annotated[InstanceTypeName, Note(allowed=TYPE_ALLOWED)] = Field(
        default="t3.small", description="instance type of the monitor"
    )
    management_from: Annotated[
        IPv4Network,
        BeforeValidator(_source),
        WithJsonSchema({"type": "string", "pattern": rf"^{DOTTED}(/(1[6-9]|2[0-9]|3[0-2]))?$"}),
        Note(allowed='a public address or network, from /16 to /32, as "203.0.113.7/32"'),
    ] = Field(description="who may reach ssh and the monitoring from outside: where you sit")
    max_usd_per_day: Annotated[
        Annotated[StrictFloat, Field(gt=0)] | None,
        Note(allowed="a number above 0, in US dollars", default="no limit"),
    ] = Field(default=None, description="a lab whose estimate is higher is refused")
    endpoint: Annotated[
        Annotated[StrictStr, Field(pattern=rf"{ENDPOINT}|^{REHEARSAL}$")] | None,
        Note(allowed=f'"{REHEARSAL}", or {ENDPOINT_ALLOWED}', default="AWS itself"),
    ] = Field(
        default=None,
        description="who answers in AWS's stead: a rehearsal, whose instances are guests here, or "
        "a server for tests",
    )

    @property
    def rehearsed(self) -> bool:
        """Whether instances are guests on this machine."""
        return self.endpoint == REHEARSAL

    @property
    def seen_endpoint(self) -> str | None:
        """Where instances find what answers in AWS's stead; None for AWS itself."""
        return SEEN_REHEARSAL if self.rehearsed else self.endpoint

    @property
    def pace(self) -> Literal["auto", "kvm"]:
        """Instances are as fast as guests on KVM, as they are such; rehearsed ones may not be."""
        return "auto" if self.rehearsed else "kvm"

    def zone_names(self, lab: Contents) -> tuple[str, ...]:
        """Return the zones that the lab uses, the monitor's last."""
        letters = "ab" if _shares(lab) else "abc"
        return self.zones or tuple(f"{self.region}{letter}" for letter in letters)

    def zone_number(self, number: int, lab: Contents) -> int:
        """Return which of the zones a machine stands in, from 0, by the machine's number."""
        count = len(self.zone_names(lab))
        if number > len(lab.nodes.names):
            return count - 1
        if _shares(lab):
            return 0
        apart = lab.quorum == "device" and count > 1
        return (number - 1) % (count - 1 if apart else count)

    def instance_type(self, role: MachineRole) -> str:
        """Return the type of machines with this role."""
        return self.node_type if role is MachineRole.NODE else self.monitor_type

    def disk(self, name: str, lab: Contents) -> str:
        """Return where a machine finds a volume of this name: where it was attached."""
        return cloud.device(list(lab.storage_settings).index(name))

    def costs(self, lab: Contents) -> Estimate | None:
        """Estimate what the lab costs while its machines exist; a rehearsal costs nothing."""
        return None if self.rehearsed else self._estimate(lab)

    def carrier(self, network: NetworkRole) -> NetworkRole:
        """Return the network whose interfaces carry this one."""
        return cloud.carrier(network)

    def router(self, address: IPv4Interface) -> IPv4Address:
        """Return what leads from a zone's subnet to others: AWS's own address there."""
        return cloud.router(address)

    def interface(self, subnet: IPv4Network, number: int, lab: Contents) -> IPv4Interface:
        """Return the address of a machine in its zone's part of a subnet, by its number."""
        return cloud.interface(subnet, self.zone_number(number, lab), number)

    def conflicts(self, lab: Contents) -> Iterator[Conflict]:
        """Yield what AWS would refuse, or what costs more than it may."""
        yield from cloud.kernel_suffices(lab.storage_settings)
        yield from cloud.networks_divide(lab.networks)
        taken = {
            lab.interface(NetworkRole.SERVICE, number).ip
            for number in range(1, len(lab.nodes.names) + 2)
        }
        yield from cloud.addresses_route(lab.settings, lab.networks.service, taken)
        yield from cloud.zones_exist(self.region, self.zones, shared=_shares(lab))
        yield from cloud.machines_spread(
            [self.zone_number(number, lab) for number in range(1, len(lab.nodes.names) + 1)],
            self.zone_names(lab),
        )
        yield from cloud.interfaces_fit(self.node_type, self.monitor_type)
        yield from cloud.sizes_are_types(lab.nodes, lab.monitor)
        yield from cloud.price_is_right(self.max_usd_per_day, self._estimate(lab))

    def _estimate(self, lab: Contents) -> Estimate:
        nodes = len(lab.nodes.names)
        disks = [each for each in lab.storage if each.replicated]
        data = sum(gib(each.size_mib) * len(each.nodes) for each in disks)
        return estimate(
            self.region,
            {**dict.fromkeys(lab.nodes.names, self.node_type), lab.monitor.name: self.monitor_type},
            gp3_gib=data + ROOT_GIB * (nodes + 1),
            shared_gib=[
                gib(each.size_mib, MIN_IO2_GIB) for each in lab.storage if not each.replicated
            ],
            addresses=nodes + 1,
        )


def _shares(lab: Contents) -> bool:
    """Tell whether nodes share a disk, which is in one zone."""
    return any(not each.replicated for each in lab.storage_settings.values())

"""The tables of a lab definition: one class a table, one field a key.

A field's description says what is allowed; `labs.loading` prints it when a value is refused. A
ValueError that a validator raises says what to do instead. Rules across tables: `labs.rules`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from labs.ports import Opening, Peer, Protocol
from labs.roles import MachineRole, NetworkRole
from labs.subnets import parse_address, parse_subnet
from labs.timing import PROFILES, Timeouts
from labs.words import TAKEN_NAMES, TargetWord

HOST_NAME = r"^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$"
"""A host name (RFC 1123) in lower case, short enough for libvirt names and tables."""

LIBVIRT_URI = r"^qemu(\+(unix|ssh|libssh|libssh2|tls|tcp))?://[^/\s]*/system(\?\S*)?$"
"""System connections of libvirt's QEMU driver: a session cannot make bridges."""

CPUS_ALLOWED = "whole number from 1 to 16"
NAME_ALLOWED = "up to 15 lower-case letters, digits and hyphens, a letter first, and no taken word"
SUBNET_ALLOWED = 'a private IPv4 network (RFC 1918) from /16 to /28, as "10.10.0.0/24"'


def _two(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) != 2:
        raise ValueError("other numbers of nodes come with other replication layouts")
    return names


def _node(name: str) -> str:
    if name in TAKEN_NAMES:
        raise ValueError(TAKEN_NAMES[name])
    return name


def _monitor(name: str) -> str:
    return name if name == TargetWord.MONITOR else _node(name)


NodeName = Annotated[StrictStr, Field(pattern=HOST_NAME), AfterValidator(_node)]
MonitorName = Annotated[StrictStr, Field(pattern=HOST_NAME), AfterValidator(_monitor)]
Subnet = Annotated[IPv4Network, BeforeValidator(parse_subnet)]
Address = Annotated[IPv4Address, BeforeValidator(parse_address)]
Cpus = Annotated[StrictInt, Field(ge=1, le=16)]


class Table(BaseModel):
    """A table of the definition: immutable, and an error on every key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Platform(Table):
    """[platform]: where the machines run."""

    kind: Literal["libvirt"] = Field(default="libvirt", description='"libvirt"')
    uri: Annotated[StrictStr, Field(pattern=LIBVIRT_URI)] | None = Field(
        default=None,
        description='a system connection of libvirt\'s QEMU driver, as "qemu:///system"',
    )
    """Without it, halab runs a private hypervisor."""

    pace: Literal["auto", "kvm", "emulation"] = Field(
        default="auto", description='"auto", "kvm" or "emulation"'
    )


class Nodes(Table):
    """[nodes]: the cluster nodes, all alike.

    There are two of them: DRBD 8.4 replicates between two machines.
    """

    names: Annotated[tuple[NodeName, ...], AfterValidator(_two)] = Field(
        default=("node1", "node2"), description=f"two host names, each {NAME_ALLOWED}"
    )
    cpus: Cpus = Field(default=1, description=CPUS_ALLOWED)
    memory_mib: Annotated[StrictInt, Field(ge=768, le=1048576)] = Field(
        default=1024, description="MiB, whole number from 768 to 1048576"
    )
    data_disk_mib: Annotated[StrictInt, Field(ge=64, le=1048576)] = Field(
        default=512, description="MiB, whole number from 64 to 1048576"
    )


class Monitor(Table):
    """[monitor]: the machine that carries the quorum device and plays the outside client."""

    name: MonitorName = Field(default="monitor", description=f"a host name: {NAME_ALLOWED}")
    cpus: Cpus = Field(default=1, description=CPUS_ALLOWED)
    memory_mib: Annotated[StrictInt, Field(ge=512, le=1048576)] = Field(
        default=1024, description="MiB, whole number from 512 to 1048576"
    )


class MonitoringTable(Table):
    """[monitoring]: Zabbix on the monitor; `monitoring = false` is short for a lab without."""

    enabled: StrictBool = Field(default=True, description="true or false")
    interval_s: Annotated[StrictInt, Field(ge=5, le=300)] | None = Field(
        default=None, description="seconds, whole number from 5 to 300"
    )
    """Time between two readings of a node; halab chooses one for the machines' pace."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, written: Any) -> Any:
        return {"enabled": written} if isinstance(written, bool) else written


class Networks(Table):
    """[networks]: one subnet for each role."""

    management: Subnet = Field(default=IPv4Network("10.10.0.0/24"), description=SUBNET_ALLOWED)
    cluster_a: Subnet = Field(
        default=IPv4Network("10.20.1.0/24"), alias="cluster-a", description=SUBNET_ALLOWED
    )
    cluster_b: Subnet = Field(
        default=IPv4Network("10.20.2.0/24"), alias="cluster-b", description=SUBNET_ALLOWED
    )
    service: Subnet = Field(default=IPv4Network("10.30.0.0/24"), description=SUBNET_ALLOWED)
    replication: Subnet = Field(default=IPv4Network("10.20.9.0/24"), description=SUBNET_ALLOWED)

    def subnet(self, role: NetworkRole) -> IPv4Network:
        """Return the subnet of the network that plays this role."""
        match role:
            case NetworkRole.MANAGEMENT:
                return self.management
            case NetworkRole.CLUSTER_A:
                return self.cluster_a
            case NetworkRole.CLUSTER_B:
                return self.cluster_b
            case NetworkRole.SERVICE:
                return self.service
            case NetworkRole.REPLICATION:
                return self.replication


class ServiceTable(Table):
    """[service]: what clients use."""

    address: Address | None = Field(
        default=None, description='a free IPv4 address of the service network, as "10.30.0.100"'
    )
    """The floating address; halab chooses one that fits when it is left out."""

    port: Annotated[StrictInt, Field(ge=1, le=65535)] = Field(
        default=80, description="a TCP port from 1 to 65535 that the nodes leave free"
    )


class Allow(Table):
    """One entry of [firewall] allow: a port that machines of one role open to a whole network."""

    role: Literal["node", "monitor"] = Field(description='"node" or "monitor"')
    network: Literal["management", "cluster-a", "cluster-b", "service", "replication"] = Field(
        description='"management", "cluster-a", "cluster-b", "service" or "replication"'
    )
    protocol: Literal["tcp", "udp"] = Field(default="tcp", description='"tcp" or "udp"')
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = Field(
        description="whole number from 1 to 65535"
    )

    @property
    def opening(self) -> Opening:
        """The same as a row of the table of open ports."""
        return Opening(
            role=MachineRole(self.role),
            network=NetworkRole(self.network),
            protocol=Protocol(self.protocol),
            port=self.port,
            peers=(Peer.ANYBODY,),
            purpose="added by the definition",
        )


class FirewallTable(Table):
    """[firewall]: whether machines drop what nobody needs, and what else they let in."""

    enabled: StrictBool = Field(default=True, description="true or false")
    allow: tuple[Allow, ...] = Field(
        default=(),
        description="a list of tables, as "
        '[{ role = "node", network = "service", protocol = "tcp", port = 443 }]',
    )


class TimingTable(Timeouts):
    """[timing]: a profile, and whatever shall differ from it."""

    profile: Literal["default", "slow-host"] = Field(
        default="default", description='"default" or "slow-host"'
    )

    @model_validator(mode="before")
    @classmethod
    def _start_from_profile(cls, written: Any) -> Any:
        if not isinstance(written, dict):
            return written
        profile = written.get("profile")
        return {**PROFILES.get(profile, {}), **written} if isinstance(profile, str) else written

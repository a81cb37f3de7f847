"""Subnets, and what machines let in."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from labs.notes import Note
from labs.ports import Opening, Peer, Protocol
from labs.roles import MachineRole, NetworkRole
from labs.tables.base import Subnet, Table

PrivateSubnet = Annotated[
    Subnet, Note(allowed='a private IPv4 network (RFC 1918) from /16 to /28, as "10.10.0.0/24"')
]


class Networks(Table):
    """[networks]: one subnet for each role."""

    management: PrivateSubnet = Field(
        default=IPv4Network("10.10.0.0/24"),
        description="ssh and the quorum device; never cut by a drill",
    )
    cluster_a: PrivateSubnet = Field(
        default=IPv4Network("10.20.1.0/24"), alias="cluster-a", description="first Corosync link"
    )
    cluster_b: PrivateSubnet = Field(
        default=IPv4Network("10.20.2.0/24"), alias="cluster-b", description="second Corosync link"
    )
    service: PrivateSubnet = Field(
        default=IPv4Network("10.30.0.0/24"), description="clients and the floating addresses"
    )
    replication: PrivateSubnet = Field(
        default=IPv4Network("10.20.9.0/24"),
        description="DRBD, on a bond over both cluster links",
    )

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


class Allow(Table):
    """One entry of [firewall] allow: a port that machines of one role open to a whole network."""

    role: Literal["node", "monitor"] = Field(description="which machines let it in")
    network: Annotated[
        Literal["management", "cluster-a", "cluster-b", "service", "replication"],
        Note(besides="one that machines of this role are connected to"),
    ] = Field(description="where they let it in, from everybody there")
    protocol: Literal["tcp", "udp"] = Field(default="tcp", description="what is spoken")
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = Field(description="where machines listen")

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

    enabled: StrictBool = Field(default=True, description="whether machines have a firewall")
    allow: Annotated[
        tuple[Allow, ...],
        Note(
            allowed="a list of tables, as "
            '[{ role = "node", network = "service", protocol = "tcp", port = 443 }]',
            default="empty",
        ),
    ] = Field(default=(), description="what else machines let in")

"""Subnets, and what machines let in."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from labs.ports import Opening, Peer, Protocol
from labs.roles import MachineRole, NetworkRole
from labs.tables.base import Subnet, Table

SUBNET_ALLOWED = 'a private IPv4 network (RFC 1918) from /16 to /28, as "10.10.0.0/24"'


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

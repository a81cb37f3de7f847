"""A lab: the validated definition with everything filled in that it left out."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import chain
from typing import Annotated, Self

from pydantic import Field, StrictInt, StrictStr, model_validator

from labs import rules
from labs.conflicts import Conflicts
from labs.subnets import floating_address
from labs.tables import (
    FirewallTable,
    Monitor,
    MonitoringTable,
    Networks,
    Nodes,
    Platform,
    ServiceTable,
    Table,
    TimingTable,
)
from labs.timing import EMULATION_PACE, KVM_PACE, Timing

LAB_NAME = r"^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$"
"""Short, because paths of sockets below the lab's folder end at 108 bytes (unix(7))."""


@dataclass(frozen=True)
class Service:
    """What clients use: the floating address and the TCP port behind it."""

    address: IPv4Address
    port: int


class Lab(Table):
    """A whole lab: a high-availability cluster and the monitor beside it.

    Raises Conflicts (inside pydantic's ValidationError) when tables contradict each other.
    """

    version: Annotated[StrictInt, Field(ge=1, le=1)] = Field(description="1")
    name: Annotated[StrictStr, Field(pattern=LAB_NAME)] = Field(
        description="up to 24 lower-case letters, digits and hyphens, a letter first"
    )
    description: Annotated[StrictStr, Field(max_length=200)] = Field(
        default="", description="text of up to 200 characters"
    )
    platform: Platform = Field(default=Platform(), description="a table")
    nodes: Nodes = Field(default=Nodes(), description="a table")
    monitor: Monitor = Field(default=Monitor(), description="a table")
    monitoring: MonitoringTable = Field(
        default=MonitoringTable(), description="true, false or a table"
    )
    networks: Networks = Field(default=Networks(), description="a table")
    service_table: ServiceTable = Field(
        default=ServiceTable(), alias="service", description="a table"
    )
    firewall: FirewallTable = Field(default=FirewallTable(), description="a table")
    timing_table: TimingTable = Field(default=TimingTable(), alias="timing", description="a table")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        table, machines = self.service_table, len(self.nodes.names) + 1
        Conflicts.raise_any(
            chain(
                rules.names_differ(self.nodes, self.monitor),
                rules.networks_apart(self.networks),
                rules.address_floats(table, self.networks.service, machines),
                rules.port_free(table),
                rules.openings_make_sense(self.firewall),
            )
        )
        return self

    @property
    def service(self) -> Service:
        """The service, its floating address chosen where the definition leaves that open."""
        table = self.service_table
        address = table.address or floating_address(self.networks.service)
        return Service(address=address, port=table.port)

    def timing(self, accelerated: bool) -> Timing:
        """Return every timeout; `accelerated` says whether guests run on KVM.

        `[platform] pace` overrules it.
        """
        pace = self.platform.pace
        fast = accelerated if pace == "auto" else pace == "kvm"
        chosen = self.timing_table.model_dump(exclude={"profile"})
        return Timing(
            pace=KVM_PACE if fast else EMULATION_PACE,
            data_disk_mib=self.nodes.data_disk_mib,
            **chosen,
        )

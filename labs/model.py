"""A lab: the validated definition with everything filled in that it left out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from itertools import chain
from typing import Annotated, Self

from pydantic import Field, StrictInt, StrictStr, model_validator

from labs import composition, placement, rules
from labs.conflicts import Conflicts
from labs.kernels import Kernel, kernel_of
from labs.means import QuorumMeans
from labs.notes import Note
from labs.roles import MachineRole, NetworkRole
from labs.subnets import floating_addresses
from labs.tables.base import ServiceName, StorageName, Table
from labs.tables.contents import Service, Storage
from labs.tables.fencing import USUAL, AnyFencing
from labs.tables.libvirt import Libvirt
from labs.tables.machines import MONITOR_NUMBER, Monitor, Nodes
from labs.tables.monitoring import MonitoringTable
from labs.tables.networks import FirewallTable, Networks
from labs.tables.platforms import AnyPlatform
from labs.tables.quorum import Quorum
from labs.tables.services import AnyService, Nginx, Web
from labs.tables.storage import AnyStorage, Drbd
from labs.tables.timing import TimingTable
from labs.timing import CALIBRATED_DISK_MIB, KVM_PACE, Timing, emulation_pace

LAB_NAME = r"^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$"
"""Short, because paths of sockets below the lab's folder end at 108 bytes (unix(7))."""

WEB, DATA = "web", "data"
"""The service of a lab that names none, and where it keeps its data."""


class Lab(Table):
    """A whole lab: a high-availability cluster and the monitor beside it.

    Raises Conflicts (inside pydantic's ValidationError) when tables contradict each other.
    """

    version: Annotated[StrictInt, Field(ge=1, le=1), Note(allowed="1")] = Field(
        description="format of the file"
    )
    name: Annotated[
        StrictStr,
        Field(pattern=LAB_NAME),
        Note(
            allowed="up to 24 lower-case letters, digits and hyphens; a letter first, no hyphen "
            "last"
        ),
    ] = Field(description="the lab's name in every command, and its Pulumi stack")
    description: Annotated[
        StrictStr,
        Field(max_length=200),
        Note(allowed="text of up to 200 characters", default="empty"),
    ] = Field(default="", description="one line for lists and drawings")
    platform: AnyPlatform = Libvirt()
    nodes: Nodes = Nodes()
    monitor: Monitor = Monitor()
    monitoring: Annotated[MonitoringTable, Note(allowed="true, false or a table")] = (
        MonitoringTable()
    )
    networks: Networks = Networks()
    web_table: Web = Field(default=Web(), alias="service")
    service_tables: dict[ServiceName, AnyService] = Field(default={}, alias="services")
    storage_tables: dict[StorageName, AnyStorage] = Field(default={}, alias="storage")
    fencing_table: AnyFencing | None = Field(default=None, alias="fencing")
    quorum_table: Quorum = Field(default=Quorum(), alias="quorum")
    firewall: FirewallTable = FirewallTable()
    timing_table: TimingTable = Field(default=TimingTable(), alias="timing")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        numbers = range(1, MONITOR_NUMBER + 1)
        taken = {self.interface(NetworkRole.SERVICE, number).ip: number for number in numbers}
        found = chain(
            rules.names_differ(self.nodes, self.monitor),
            rules.networks_apart(self.networks),
            rules.openings_make_sense(self.firewall),
            composition.service_said_once(self.web_table, self.service_tables),
            composition.storage_fits(self.settings, self.storage_settings),
            composition.storage_bears_others(self.storage_settings),
            composition.disks_suffice(self.storage_settings, self.settings, self.nodes),
            composition.volumes_have_names(self.storage_settings),
            composition.storage_has_nodes(self.storage_settings, self.nodes),
            composition.requests_arrive(self.settings),
            composition.kinds_suffice(self.settings),
            composition.servers_decide(self.settings, self.nodes),
            composition.addresses_fit(self.settings, self.nodes),
            placement.homes_exist(self.settings, self.storage_settings, self.nodes),
            placement.homes_hold(self.settings),
            placement.others_exist(self.settings),
            placement.followers_go_along(self.settings, self.storage_settings),
            placement.apart_fits(self.settings, self.storage_settings, self.nodes),
            placement.loads_fit(self.settings, self.storage_settings, self.nodes),
            placement.nobody_waits_for_itself(self.settings),
            composition.addresses_float(self.settings, self.networks.service, taken),
            composition.addresses_suffice(self.settings, self.nodes, self.networks.service),
            composition.ports_free(self.settings, self.storage_settings),
            composition.quorum_decides(
                self.quorum_table, self.nodes, self.settings, self.storage_settings
            ),
            rules.fencing_is_at_hand(self.platform, self.fencing, self.timing_table),
            self.platform.conflicts(self),
        )
        Conflicts.raise_any(conflict.renamed(self.written) for conflict in found)
        return self

    def written(self, key: str) -> str:
        """Return a dotted key as the file has it: a lab's only web server may have a short form."""
        table, *rest = key.partition(f"services.{WEB}.")
        return key if self.service_tables or table else f"service.{rest[1]}"

    def key_of_size(self, storage: Storage) -> str:
        """Return the dotted key that says how large some storage is."""
        own = storage.settings.size_mib is not None
        return f"storage.{storage.name}.size_mib" if own else "nodes.data_disk_mib"

    @property
    def settings(self) -> dict[str, AnyService]:
        """The services by name; a lab that names none has a web server on replicated storage."""
        if self.service_tables:
            return self.service_tables
        web = self.web_table
        return {WEB: Nginx(kind="nginx", address=web.address, port=web.port, storage=DATA)}

    @property
    def storage_settings(self) -> dict[str, AnyStorage]:
        """The storage by name."""
        short = {} if self.service_tables else {DATA: Drbd(kind="drbd")}
        return {**short, **self.storage_tables}

    @property
    def services(self) -> tuple[Service, ...]:
        """The services, their floating addresses chosen where the definition leaves that open."""
        addresses = floating_addresses(self.networks.service, self._taken_addresses)
        found = []
        for name, settings in self.settings.items():
            count = composition.address_count(name, self.settings, self.nodes)
            chosen = settings.given or tuple(next(addresses) for _ in range(count))
            found.append(Service(name, settings, chosen))
        return tuple(found)

    @property
    def storage(self) -> tuple[Storage, ...]:
        """The storage, with sizes."""
        return tuple(
            Storage(
                name,
                settings,
                settings.size_mib or self.nodes.data_disk_mib,
                settings.carriers(self.nodes.names),
            )
            for name, settings in self.storage_settings.items()
        )

    @property
    def fencing(self) -> AnyFencing:
        """How a lost node is taken out: what is usual on the platform where nobody chose."""
        return self.fencing_table or USUAL[self.platform.fences[0]]

    @property
    def quorum(self) -> QuorumMeans:
        """Who decides which part of a divided cluster goes on."""
        even = len(self.nodes.names) % 2 == 0
        return self.quorum_table.kind or ("device" if even else "majority")

    @property
    def votes(self) -> int:
        """How many votes there are when all is well: one a node, and the device's."""
        return len(self.nodes.names) + (self.quorum == "device")

    def kernel(self, role: MachineRole) -> Kernel:
        """Return which kernel the machines of this role run with, where halab makes them."""
        return kernel_of(role, self.storage_settings.values())

    def interface(self, role: NetworkRole, number: int) -> IPv4Interface:
        """Return the address on a network of the machine with this number."""
        return self.platform.interface(self.networks.subnet(role), number, self)

    def timing(self, accelerated: bool) -> Timing:
        """Return every timeout; `accelerated` says whether guests run on KVM.

        `[platform] pace` overrules it.
        """
        written = self.timing_table.model_fields_set
        usual = self.fencing.timeouts(self.timing_table)
        return Timing(
            pace=self._pace(accelerated),
            data_disk_mib=sum(each.size_mib for each in self.storage if each.replicated)
            or CALIBRATED_DISK_MIB,
            **self.timing_table.model_dump(exclude={"profile", *(usual.keys() - written)}),
            **{name: value for name, value in usual.items() if name not in written},
        )

    def _pace(self, accelerated: bool) -> int:
        pace = self.platform.pace
        if isinstance(pace, int):
            return pace
        fast = accelerated if pace == "auto" else pace == "kvm"
        return KVM_PACE if fast else emulation_pace(len(self.nodes.names) + 1)

    @property
    def _taken_addresses(self) -> frozenset[IPv4Address]:
        return frozenset(address for each in self.settings.values() for address in each.given)

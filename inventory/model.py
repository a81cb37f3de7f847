"""What software needs to know of machines, whoever made them: halab or a person by hand."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from core.errors import HalabError
from inventory.cloud import Cloud
from inventory.frozen import Frozen
from inventory.parts import Service, Storage
from labs.means import AddressMeans, FencingMeans, QuorumMeans
from labs.placement import seats
from labs.ports import DRBD, Opening, Peer, openings
from labs.roles import MachineRole, NetworkRole
from labs.tables.networks import Allow
from labs.timing import Timing

HOST_KEY = r"^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$"
"""A public key as it stands in a .pub file, without the comment."""


class Ssh(Frozen):
    """How to reach a machine; `proxy_command` leads into a private hypervisor's network.

    `host_key` is the only key that the machine may show: its type and base64 blob, as in a .pub
    file. Without it, the first key that it shows is kept in `known_hosts`.
    """

    host: str
    port: int = 22
    user: str = "root"
    key_file: Path
    known_hosts: Path
    host_key: Annotated[str, Field(pattern=HOST_KEY)] | None = None
    proxy_command: str | None = None


class Interface(Frozen):
    """A network interface inside a machine and its static address.

    Where a network is divided into subnets, `router` leads from this one to the whole of it, which
    is `network`. Elsewhere neither is said.
    """

    name: str
    address: IPv4Interface
    network: IPv4Network | None = None
    router: IPv4Address | None = None

    @property
    def peers(self) -> IPv4Network:
        """Where all others on its network have their addresses."""
        return self.network or self.address.network


class Machine(Frozen):
    """One machine: a cluster node or the monitor. `number` is its corosync node id."""

    name: str
    role: MachineRole
    number: int
    interfaces: dict[NetworkRole, Interface]
    ssh: Ssh


class FencingDisk(Frozen):
    """A node is taken out over `disk`, which all nodes share; it is the path in each of them."""

    kind: Literal["sbd"] = "sbd"
    disk: str = "/dev/disk/by-id/virtio-sbd"


class CloudFencing(Frozen):
    """A node is taken out by AWS, which stops its instance."""

    kind: Literal["fence-aws"] = "fence-aws"


def _usual(written: Any) -> Any:
    """Take fencing that says no kind for that by a disk."""
    return {"kind": "sbd", **written} if isinstance(written, dict) else written


Fencing = Annotated[
    FencingDisk | CloudFencing, Field(discriminator="kind"), BeforeValidator(_usual)
]
"""How a node is taken out."""

FENCING: dict[FencingMeans, FencingDisk | CloudFencing] = {
    "sbd": FencingDisk(),
    "fence-aws": CloudFencing(),
}
"""What is usual of each kind."""


class Firewall(Frozen):
    """Whether machines drop what `labs.ports` does not list, and what else they let in.

    `platform` is the address that halab's own connections come from on the management network.
    Where it is unknown, ssh is open to everybody who reaches that network.
    """

    enabled: bool = True
    platform: IPv4Address | None = None
    allow: tuple[Allow, ...] = ()


class Monitoring(Frozen):
    """Zabbix on the monitor. `interval_s` is the time between two readings of a node.

    Without it, halab chooses what suits the machines' pace.
    """

    interval_s: int | None = None


class Inventory(Frozen):
    """The machines of one lab and what the cluster on them shall be."""

    version: Literal[2] = 2
    lab: str
    machines: tuple[Machine, ...]
    services: tuple[Service, ...]
    storage: tuple[Storage, ...] = ()
    fencing: Fencing = FencingDisk()
    addresses: AddressMeans = "announced"
    cloud: Cloud | None = None
    quorum: QuorumMeans = "device"
    capacity: Annotated[int, Field(gt=0)] | None = None
    """How much load of services each node takes; None where loads are not counted."""
    firewall: Firewall = Firewall()
    timing: Timing = Timing()
    monitoring: Monitoring | None = Monitoring()
    """None for a lab without."""

    @property
    def nodes(self) -> tuple[Machine, ...]:
        """The cluster nodes, by number."""
        found = (m for m in self.machines if m.role is MachineRole.NODE)
        return tuple(sorted(found, key=lambda machine: machine.number))

    @property
    def monitor(self) -> Machine:
        """The machine that carries the quorum device and stands outside the cluster."""
        return next(m for m in self.machines if m.role is MachineRole.MONITOR)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """Everything that a firewall lets through, on all machines."""
        return openings(
            services={
                each.name: (each.port, Peer.ANYBODY if each.addresses else Peer.NODE)
                for each in self.services
            },
            replication={
                **{each.port: DRBD for each in self.storage if each.replicated},
                **{
                    port: purpose
                    for each in self.services
                    for port, purpose in each.settings.between_nodes.items()
                },
            },
            locks=any(each.together for each in self.storage),
            device=self.quorum == "device",
            monitoring=self.monitoring is not None,
            extra=(entry.opening for entry in self.firewall.allow),
        )

    @property
    def observe_every_s(self) -> int:
        """Seconds between two readings of a node by the monitoring."""
        chosen = self.monitoring.interval_s if self.monitoring else None
        return chosen or self.timing.observe_every_s

    @property
    def has_one_address(self) -> bool:
        """Whether clients find everything at one place: a single service, on one node."""
        return sum(len(service.addresses) for service in self.services) == 1

    @property
    def fencing_disk(self) -> str | None:
        """The disk over which nodes fence each other, in each of them; None where none does."""
        return self.fencing.disk if isinstance(self.fencing, FencingDisk) else None

    @property
    def own_cloud(self) -> Cloud:
        """The cloud that the nodes are in.

        Raises HalabError where the inventory names none, or not all nodes in it.
        """
        hint = "`cloud` in the inventory names region, instances and route table: "
        hint += "docs/provisioning.md"
        if self.cloud is None:
            said = f"lab {self.lab!r} relies on AWS, and its inventory does not say where there"
            raise HalabError(said, hint=hint)
        unknown = [node.name for node in self.nodes if node.name not in self.cloud.instances]
        if unknown:
            said = f"the inventory of lab {self.lab!r} names no instance for {', '.join(unknown)}"
            raise HalabError(said, hint=hint)
        return self.cloud

    def storage_of(self, service: Service) -> Storage | None:
        """Return where a service keeps its data; None for one that has none."""
        wanted = service.settings.storage
        return next((each for each in self.storage if each.name == wanted), None)

    @property
    def exclusive(self) -> tuple[Storage, ...]:
        """Disks that nodes share, and that one of them at a time may use."""
        return tuple(each for each in self.storage if not (each.replicated or each.together))

    def carriers(self, storage: Storage) -> tuple[Machine, ...]:
        """Return the nodes that have some storage within reach."""
        names = storage.settings.carriers(tuple(node.name for node in self.nodes))
        return tuple(node for node in self.nodes if node.name in names)

    def leader(self, service: Service) -> Service:
        """Return the service that this one follows, or itself."""
        follows = service.settings.follows
        return service if follows is None else self.service(follows)

    def places(self, service: Service) -> tuple[Machine, ...]:
        """Return the nodes that can run a service: those that have its storage within reach.

        And that of the service that it follows.
        """
        stores = map(self.storage_of, {service, self.leader(service)})
        reach = [self.carriers(storage) for storage in stores if storage is not None]
        return tuple(node for node in self.nodes if all(node in nodes for nodes in reach))

    @property
    def seats(self) -> dict[str, str]:
        """The node of each service that runs on one, while all is well, by the service's name."""
        return seats(
            {service.name: service.settings for service in self.services},
            {each.name: [node.name for node in self.places(each)] for each in self.services},
        )

    def homes(self, service: Service) -> dict[IPv4Address, str]:
        """Return the node that each address of a service returns to, where it does."""
        if service.everywhere:
            return {
                address.ip: node.name
                for address, node in zip(service.addresses, self.nodes, strict=False)
            }
        home = self.leader(service).settings.drawn_to
        return {} if home is None else {address.ip: home for address in service.addresses}

    def service(self, name: str) -> Service:
        """Return the service with this name; raises KeyError when there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def machine(self, name: str) -> Machine:
        """Return the machine with this name; raises KeyError when there is none."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise KeyError(name)

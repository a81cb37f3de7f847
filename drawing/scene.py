"""What a drawing of a lab says, in few words: from its definition, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import NamedTuple

from core.sizes import size
from inventory.model import Inventory, Machine
from inventory.parts import Service, Storage
from labs.addressing import hypervisor_address, machines
from labs.means import FencingMeans
from labs.model import Lab
from labs.placement import apart_from
from labs.roles import MachineRole, NetworkRole
from labs.shape import kinds, models_in
from labs.tables.aws import Aws
from labs.tables.base import Table
from labs.tables.fencing import AnyFencing
from labs.tables.services import AnyService
from labs.tables.storage import AnyStorage

TITLES = {
    kind: model.title
    for union in (AnyService, AnyStorage, AnyFencing)
    for model in models_in(union)
    if issubclass(model, Table) and model.title
    for kind in kinds((model,))
}
"""How programs write themselves, by the kind of a part; else the kind will do."""


@dataclass(frozen=True)
class Fences:
    """How fencing of a kind is drawn: its name, what it is, how it works, what of it nodes run."""

    name: str
    what: str
    how: str
    duties: tuple[str, ...]


FENCES: dict[FencingMeans, Fences] = {
    "sbd": Fences(
        name="fencing disk",
        what="shared by all nodes",
        how="a disk that all nodes share, and a watchdog in each",
        duties=("SBD", "watchdog"),
    ),
    "fence-aws": Fences(
        name="fencing",
        what="asked by all nodes",
        how="AWS, which every node can ask to stop another",
        duties=(),
    ),
}

INSIDE = "nodes only"
"""Who finds a service without addresses."""


def title(kind: str) -> str:
    """Return how the program behind a kind of part writes itself."""
    return TITLES.get(kind, kind)


class Rented(NamedTuple):
    """Machines of somebody else's: whose, what they are, and what they cost."""

    whose: str
    what: str
    price: str


@dataclass(frozen=True)
class Segment:
    """A network: its subnet, and what for."""

    role: NetworkRole
    subnet: IPv4Network
    purpose: str


@dataclass(frozen=True)
class Scene:
    """A lab as it is drawn. `inventory` is what `lab` comes to, whether or not it was built."""

    lab: Lab
    inventory: Inventory

    @property
    def description(self) -> str:
        """What the lab is for, in one line; control characters and the like are left out."""
        printable = (sign if sign.isprintable() else " " for sign in self.lab.description)
        return " ".join("".join(printable).split())

    @property
    def segments(self) -> dict[NetworkRole, Segment]:
        """All networks, by role: the cluster's own first, clients' last."""
        platform = self.lab.platform
        purposes = {
            NetworkRole.CLUSTER_A: f"Corosync, link 0{self._locked}",
            NetworkRole.CLUSTER_B: f"Corosync, link 1{self._locked}",
            NetworkRole.REPLICATION: f"{self._carried}{self._replicated}",
            NetworkRole.MANAGEMENT: ", ".join(self._managed()),
            NetworkRole.SERVICE: "clients",
        }
        return {
            role: Segment(role, self.lab.networks.subnet(platform.carrier(role)), purpose)
            for role, purpose in purposes.items()
        }

    @property
    def services(self) -> tuple[Service, ...]:
        """All services, those that another one passes requests to behind that one."""
        passed = {service.settings.passes_to for service in self.inventory.services}
        found: list[Service] = []
        for service in self.inventory.services:
            if service.name not in passed:
                behind = self.behind(service)
                found += (service, behind) if behind else (service,)
        return tuple(found)

    def behind(self, service: Service) -> Service | None:
        """Return the service that this one passes requests to; None for one that answers itself."""
        wanted = service.settings.passes_to
        return next((each for each in self.inventory.services if each.name == wanted), None)

    @property
    def platform(self) -> str:
        """Where halab itself is: its address on the management network, or whence it comes."""
        platform = self.lab.platform
        if isinstance(platform, Aws):
            return str(platform.management_from)
        return str(hypervisor_address(self.lab))

    @property
    def rented(self) -> Rented | None:
        """Whose machines these are and what they cost; None where they are this machine's own."""
        platform = self.lab.platform
        if not isinstance(platform, Aws):
            return None
        paid = platform.model_copy(update={"endpoint": None}).costs(self.lab)
        if platform.rehearsed:
            return Rented(
                "rehearsal", "guests of this machine, which cost nothing", f"on AWS {paid}"
            )
        return Rented("AWS", f"rented in {platform.region}", str(paid))

    @property
    def fencing(self) -> Fences:
        """How a node is taken out."""
        return FENCES[self.inventory.fencing.kind]

    @property
    def decides(self) -> str:
        """Who decides which part of a divided cluster goes on."""
        return {
            "device": "on the monitor: its vote decides between two halves",
            "majority": "of the nodes, and nobody else votes",
            "two-node": "and no third vote: each may go on alone, and who serves fences first",
        }[self.inventory.quorum]

    def size_of(self, machine: Machine) -> str:
        """Return processors and memory of a machine, or what is rented for it, and where."""
        (plan,) = (each for each in machines(self.lab) if each.name == machine.name)
        platform = self.lab.platform
        if isinstance(platform, Aws):
            zone = platform.zone_names(self.lab)[platform.zone_number(plan.number, self.lab)]
            return f"{platform.instance_type(plan.role)}, {zone}"
        return f"{plan.cpus} {'CPU' if plan.cpus == 1 else 'CPUs'}, {size(plan.memory_mib)}"

    def size_of_disk(self, storage: Storage) -> str:
        """Return the size of each disk of some storage, or of the one that all nodes share."""
        (found,) = (each for each in self.lab.storage if each.name == storage.name)
        return size(found.size_mib) + ("" if storage.replicated else " for all nodes")

    def disks(self, storage: Storage) -> str:
        """Return how large the disks of some storage are, and where."""
        if not storage.replicated:
            return self.size_of_disk(storage)
        carriers = self.inventory.carriers(storage)
        where = "each node" if carriers == self.inventory.nodes else _listed(_names(carriers))
        return f"{self.size_of_disk(storage)} in {where}"

    def users(self, storage: Storage) -> str:
        """Say how many nodes have some storage mounted."""
        return "all" if storage.together else "one"

    def duties(self, machine: Machine) -> tuple[str, ...]:
        """Return what a machine does besides services, and whatever the lab is made of."""
        if machine.role is MachineRole.NODE:
            return ("Pacemaker", "Corosync", *self.fencing.duties)
        device = ("quorum device",) if self.inventory.quorum == "device" else ()
        zabbix = ("Zabbix",) if self.inventory.monitoring is not None else ()
        return (*device, *zabbix, "clock", "outside client")

    def place_on(self, service: Service, node: Machine) -> str | None:
        """Return where a service is found on a node while all is well.

        A service that runs on one node is drawn where it is while all is well; the other nodes then
        have none.
        """
        number = self.inventory.nodes.index(node) if service.everywhere else 0
        if not service.everywhere and node.name != self.inventory.seats[service.name]:
            return None
        if not service.addresses:
            return f"port {service.port}, {INSIDE}"
        return f"{service.addresses[number].ip}:{service.port}"

    def one_node(self, service: Service) -> str:
        """Name the node that a service runs on which runs on one at a time."""
        home, one = service.settings.home, self.one_of(service)
        said = "" if home is None else f", at home on {home}"
        return f"{one}{said}{self.beside(service)}"

    def beside(self, service: Service) -> str:
        """Say what others have to do with where a service is and when it starts; "" for nothing."""
        settings = service.settings
        others = apart_from({each.name: each.settings for each in self.services}, service.name)
        return "".join(
            (
                "" if settings.returns else ", where it does not return by itself",
                f", where {settings.follows} is" if settings.follows else "",
                f", apart from {_listed(others)}" if others else "",
                f", after {_listed(settings.after)}" if settings.after else "",
            )
        )

    def one_of(self, service: Service) -> str:
        """Say which nodes can run a service that runs on one at a time."""
        places = self.inventory.places(service)
        return "one node" if places == self.inventory.nodes else f"one of {_listed(_names(places))}"

    def nodes_of(self, part: Service | Storage) -> tuple[Machine, ...]:
        """Return the nodes that can run a service, or that have some storage."""
        inventory = self.inventory
        return inventory.places(part) if isinstance(part, Service) else inventory.carriers(part)

    @property
    def words(self) -> str:
        """The lab in sentences, for those who cannot see it."""
        inventory = self.inventory
        return " ".join(
            (
                f"{_listed(_names(inventory.nodes))} are nodes of a cluster,",
                f"{inventory.monitor.name} stands beside it.",
                *(
                    f"Network {role.value}: {segment.subnet}, {segment.purpose}."
                    for role, segment in self.segments.items()
                ),
                *map(self._sentence, self.services),
                *(
                    f"Storage {each.name}: {title(each.settings.kind)}, a disk of "
                    f"{self.disks(each)}, mounted at {each.mount_point} on {self.users(each)}."
                    for each in inventory.storage
                ),
                f"Fencing: {title(inventory.fencing.kind)}, {self.fencing.how}.",
                f"Quorum: {inventory.quorum} {self.decides}.",
                *([f"Machines: {', '.join(self.rented)}."] if self.rented else ()),
            )
        )

    def _sentence(self, service: Service) -> str:
        where = "every node" if service.everywhere else self.one_node(service)
        addresses = [str(address.ip) for address in service.addresses]
        found = f" at {_listed(addresses)}" if addresses else f", {INSIDE}"
        behind = self.behind(service)
        passes = f"; passes requests to {behind.name}" if behind else ""
        kind = title(service.settings.kind)
        return f"Service {service.name}: {kind} on {where}, port {service.port}{found}{passes}."

    @property
    def carriers(self) -> tuple[NetworkRole, ...]:
        """The cluster networks that replication runs over: both, in a bond, or one of them."""
        carrier = self.lab.platform.carrier(NetworkRole.REPLICATION)
        both = (NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B)
        return both if carrier is NetworkRole.REPLICATION else (carrier,)

    @property
    def _carried(self) -> str:
        *others, one = self.carriers
        return "a bond over both links" if others else f"over {one.value}"

    @property
    def _locked(self) -> str:
        return "; DLM" if any(each.together for each in self.inventory.storage) else ""

    @property
    def _replicated(self) -> str:
        inventory = self.inventory
        users = (
            *(each.settings.kind for each in inventory.storage if each.replicated),
            *(each.settings.kind for each in inventory.services if each.settings.between_nodes),
        )
        kinds = dict.fromkeys(map(title, users))
        return f", for {', '.join(kinds)}" if kinds else "; unused"

    def _managed(self) -> tuple[str, ...]:
        device = ("quorum device",) if self.inventory.quorum == "device" else ()
        zabbix = ("Zabbix",) if self.inventory.monitoring is not None else ()
        return ("ssh", "time", *device, *zabbix)


def _names(machines: Iterable[Machine]) -> Iterator[str]:
    return (machine.name for machine in machines)


def _listed(words: Iterable[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last

"""All parts of a lab together, in the order in which they need each other."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from inventory.model import Inventory
from inventory.parts import Service
from labs.roles import MachineRole
from parts.addresses import home
from parts.addresses.base import AddressPart
from parts.addresses.cable import Cables
from parts.addresses.kinds import addresses
from parts.addresses.ready import Readiness
from parts.base import Part
from parts.budget import held_s
from parts.cluster import Group, Primitive, Resource
from parts.constraints import Constraint
from parts.fencing.base import FencingPart
from parts.fencing.kinds import fencing
from parts.kinds import below, kinds_in
from parts.membership.corosync import Corosync
from parts.monitoring.zabbix import Zabbix
from parts.pacemaker import STICKINESS, Pacemaker
from parts.placement import Placement
from parts.quorum.base import QuorumPart
from parts.quorum.kinds import quorum
from parts.services.base import ServicePart
from parts.services.nfs import Nfs
from parts.settings import Alert, Capacity, Defaults, Properties
from parts.storage.base import StoragePart
from parts.storage.drbd import Drbd
from parts.storage.gfs2 import Gfs2
from parts.storage.shared import SharedDisk
from parts.storage.volumes import VolumePart
from parts.system.cloud import CloudAccess
from parts.system.firewall import Firewall
from parts.system.names import Names
from parts.system.reserve import Reserve
from parts.system.routes import Routes
from parts.system.time import Time
from parts.system.upkeep import Upkeep

SERVICES = kinds_in("parts.services", ServicePart)
"""The part of each kind of service that labs.tables.services knows."""

STORAGE = kinds_in("parts.storage", StoragePart)
"""The part of each kind of storage that labs.tables.storage knows."""

KINDS = tuple(kind for kind in below(Part) if not kind.__subclasses__())
"""All kinds of parts that there are."""


@dataclass(frozen=True)
class Parts:
    """The parts of one lab."""

    inventory: Inventory

    @cached_property
    def services(self) -> dict[str, ServicePart]:
        """Its services, by name; each is told what only who knows all parts can tell."""
        found = {
            service.name: SERVICES[service.settings.kind](self.inventory, service)
            for service in self.inventory.services
        }
        for part in found.values():
            part.held_s = held_s(part)
        return found

    @property
    def public(self) -> tuple[ServicePart, ...]:
        """The services that clients find."""
        return tuple(part for part in self.services.values() if part.service.addresses)

    @property
    def first_service(self) -> ServicePart:
        """The service that drills are about unless they say so."""
        return self.public[0]

    def awaited(self, part: ServicePart) -> tuple[ServicePart, ...]:
        """Return the services without which one does not run: it starts after them."""
        return tuple(self.services[name] for name in part.service.settings.after)

    def front_of(self, part: ServicePart) -> ServicePart:
        """Return by which service clients reach this one: what passes requests to it, or itself."""
        name = part.service.name
        passing = (each for each in self.services.values() if each.passes_to == name)
        return next(passing, part)

    @property
    def cluster_units(self) -> tuple[str, ...]:
        """Units that make a node a member, in the order in which they stop.

        systemctl fails for one that nobody installed.
        """
        device = ("corosync-qdevice",) if self.inventory.quorum == "device" else ()
        return ("pacemaker", *device, "corosync")

    @property
    def leaving(self) -> str:
        """Shell text by which a node leaves the cluster in good order; sbd stops with corosync."""
        manager, *members = self.cluster_units
        return f"systemctl stop {manager}\nsystemctl stop {shlex.join(members)}"

    @property
    def joining(self) -> str:
        """Shell text by which a node joins the cluster again, in the order that units have at boot.

        It waits for nothing: the quorum device lets the membership rest first.
        """
        return f"systemctl start --no-block {shlex.join(reversed(self.cluster_units))}"

    @cached_property
    def storage(self) -> dict[str, StoragePart]:
        """Its storage, by name: the service that uses it says what it begins with."""
        users = {
            part.storage.name: part for part in self.services.values() if part.storage is not None
        }
        return {
            storage.name: STORAGE[storage.settings.kind](
                self.inventory,
                storage,
                users[storage.name].fill,
                sync=not users[storage.name].syncs,
                fill_s=users[storage.name].fill_s,
            )
            for storage in self.inventory.storage
        }

    @cached_property
    def replicas(self) -> dict[str, Drbd]:
        """What of it is replicated, by name."""
        return {name: part for name, part in self.storage.items() if isinstance(part, Drbd)}

    @cached_property
    def volumes(self) -> dict[str, VolumePart]:
        """What of it is on a disk that all nodes share, by name."""
        return {name: part for name, part in self.storage.items() if isinstance(part, VolumePart)}

    @cached_property
    def cluster_filesystems(self) -> dict[str, Gfs2]:
        """What of that all nodes use at once, by name."""
        return {name: part for name, part in self.storage.items() if isinstance(part, Gfs2)}

    @cached_property
    def shared_disks(self) -> dict[str, SharedDisk]:
        """What of that one node at a time owns, by name."""
        return {name: part for name, part in self.storage.items() if isinstance(part, SharedDisk)}

    @property
    def file_servers(self) -> tuple[Nfs, ...]:
        """The services that clients mount."""
        return tuple(part for part in self.services.values() if isinstance(part, Nfs))

    @cached_property
    def addresses(self) -> dict[str, AddressPart]:
        """Its floating addresses, by the name of their service."""
        return {
            service.name: addresses(self.inventory, service)
            for service in self.inventory.services
            if service.addresses
        }

    @cached_property
    def quorum(self) -> QuorumPart:
        """Who decides which part of a divided cluster goes on."""
        return quorum(self.inventory)

    @cached_property
    def fencing(self) -> FencingPart:
        """How nodes fence each other."""
        return fencing(self.inventory)

    @cached_property
    def pacemaker(self) -> Pacemaker:
        """What runs the resources."""
        return Pacemaker(self.inventory)

    @cached_property
    def every(self) -> tuple[Part, ...]:
        """All of them."""
        inventory = self.inventory
        return (
            Firewall(inventory),
            Names(inventory),
            Routes(inventory),
            Upkeep(inventory),
            Reserve(inventory),
            *(() if inventory.cloud is None else (CloudAccess(inventory, inventory.cloud),)),
            Zabbix(inventory),
            Time(inventory),
            Corosync(inventory),
            self.quorum,
            self.fencing,
            self.pacemaker,
            *self.storage.values(),
            *self.services.values(),
            *self.addresses.values(),
            *(Readiness(inventory, each, each.ready) for each in inventory.services if each.ready),
            Placement(inventory),
            Cables(inventory, self.users),
        )

    def on(self, role: MachineRole) -> tuple[Part, ...]:
        """Return those that have to do with machines of this role."""
        node = role is MachineRole.NODE
        return tuple(part for part in self.every if node or part.on_monitor)

    @property
    def users(self) -> dict[str, int]:
        """What goes where clients find it: ids of resources, and how much each may want to stay.

        It wants to be at home, and its resources want to stay.
        """
        return {
            user: wish * count + home.score(self.inventory, service)
            for service in self.inventory.services
            for wish in [self.stickiness(service) or STICKINESS]
            for user, count in self._weights(service)
        }

    def stickiness(self, service: Service) -> int | None:
        """Return how much each resource of a service wants to stay; None for what all others do."""
        return None if service.everywhere else home.stickiness(service, len(self.members(service)))

    def _weights(self, service: Service) -> Iterator[tuple[str, int]]:
        """Yield what goes where clients find it, and how often stickiness counts for it.

        Once for each member of a group; and as often again where they stand on replication, which
        stays as well (crm_simulate of Pacemaker 3.0.0: a group of three on it, at home by 1000,
        leaves its node at -1551 and not at -1501).
        """
        if service.everywhere:
            yield from dict.fromkeys(service.address_ids, 1).items()
        else:
            times = 1 if self.services[service.name].storage is None else 2
            yield service.group, times * len(self.members(service))

    def members(self, service: Service) -> tuple[Primitive, ...]:
        """Return what a service that runs on one node consists of, in the order of their start.

        The server finds its data, and who finds the address finds a server behind it.
        """
        part = self.services[service.name]
        data = () if part.storage is None else self.storage[part.storage.name].members()
        return (*data, *part.members, *self.addresses[service.name].members())

    def beside_data(self, service: Service) -> tuple[Primitive, ...]:
        """Return what of a service runs where its data are, and nowhere else.

        Where all nodes have them, addresses may be at any of those.
        """
        part = self.services[service.name]
        return part.members if service.everywhere else self.members(service)

    def properties(self, dc_deadtime_s: int) -> Properties:
        """Return the properties of the cluster, with another wait for absent nodes."""
        values = {name: value for part in self.every for name, value in part.properties().items()}
        return Properties({**values, "dc-deadtime": f"{dc_deadtime_s}s"})

    def resources(self) -> tuple[Resource, ...]:
        """Return everything that the cluster runs: data, services, then what serves the nodes."""
        data = self.storage.values()
        clients = (*self.services.values(), *self.addresses.values())
        rest = (part for part in self.every if part not in (*data, *clients))
        found = (
            *(resource for part in data for resource in part.resources()),
            *self._groups(),
            *(resource for part in (*clients, *rest) for resource in part.resources()),
        )
        return tuple(map(self._weighed, found))

    def _weighed(self, resource: Resource) -> Resource:
        """Say of a resource how much it counts for who is fenced, where that matters."""
        priority = self.quorum.priorities().get(resource.id)
        if priority is None:
            return resource
        return replace(resource, meta={**resource.meta, "priority": priority})

    def constraints(self) -> tuple[Constraint, ...]:
        """Return where that runs, and when."""
        ties = (
            tie
            for part in self.services.values()
            if part.storage is not None
            for tie in self.storage[part.storage.name].ties(part.service.group)
        )
        own = (constraint for part in self.every for constraint in part.constraints())
        return (*ties, *own)

    def defaults(self) -> Defaults:
        """Return what holds for every resource."""
        return self.pacemaker.defaults

    def operation_defaults(self) -> Defaults:
        """Return what holds for every operation that no resource speaks of."""
        return self.pacemaker.operation_defaults

    def capacities(self) -> tuple[Capacity, ...]:
        """Return how much load each node takes; nothing where loads are not counted."""
        load = self.inventory.capacity
        nodes = self.inventory.nodes if load else ()
        return tuple(Capacity(node.name, node.number, load or 0) for node in nodes)

    def alerts(self) -> tuple[Alert, ...]:
        """Return whom the cluster tells its events."""
        return tuple(alert for part in self.every for alert in part.alerts())

    def _groups(self) -> tuple[Group, ...]:
        """Return the services that run on one node."""
        return tuple(
            Group(service.group, self.members(service), meta)
            for service in self.inventory.services
            if not service.everywhere
            for wish in [self.stickiness(service)]
            for meta in [{} if wish is None else {"resource-stickiness": wish}]
        )

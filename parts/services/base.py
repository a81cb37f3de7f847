"""What a service is besides a part: a resource, first data, a way for clients to use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import ClassVar

from inventory.model import Inventory
from inventory.parts import Service
from labs.durations import Operations
from parts.base import Part
from parts.cluster import Clone, Primitive, Resource, Values, every
from parts.reasons import Reason
from parts.seen import Seen
from parts.services.folder import archived, replaced
from parts.watched import Watched, watched
from wire.pacemaker import Role

MONITOR_S = 10
"""Between two monitors: this interval dominates how late a dead server is seen."""


@dataclass(frozen=True)
class Process:
    """What a service runs on a node: a file holds the number of its first process.

    `workers`: whether that starts others, which outlive it when it dies alone.
    """

    pid_file: str
    workers: bool = True

    @property
    def first(self) -> str:
        """Its first process's number, as shell text."""
        return f'"$(head -n 1 {self.pid_file})"'

    @property
    def end(self) -> str:
        """Shell text that ends its first process, and those that this started, at once.

        Another service of the node may run the same program: its processes are not among them.
        """
        return f"kill -9 $(first={self.first} && echo $first && pgrep --parent $first)"

    @property
    def end_first(self) -> str | None:
        """Shell text that ends its first process alone; None where that is all of it."""
        return f"kill -9 {self.first}" if self.workers else None


@dataclass(frozen=True)
class Threads:
    """What a service runs on a node that is no process of its own: `end` is shell text."""

    end: str
    end_first: ClassVar[None] = None


@dataclass(frozen=True)
class Check:
    """How the monitoring's server uses a service at one address, and a formula for "it answers"."""

    watched: Watched
    answers: str


class ServicePart(Part):
    """One service of a lab. A kind of service says what it is; where it runs is said here."""

    kind: ClassVar[str]
    """That of its table among those of labs.tables.services."""

    returns_by_itself = False
    """Whether clients are served elsewhere while a server that died starts again, and then where
    they were."""

    syncs = False
    """Whether it puts on the disk by itself what it promises."""

    fill_pace_s: ClassVar[float] = 0.0
    """Seconds that what it begins with may take to make, besides what steps usually may, for each
    unit of pace."""

    start_pace_s: float
    """Seconds of a failover's budget that its start may take, for each unit of pace."""

    pause_s: float = 0.0
    """Seconds that its clients may wait once it has started, on any machine: clocks tell them to.
    """

    held_s: float = 0.0
    """Seconds that its server may have to wait for its disk, and nothing is wrong with it."""

    def __init__(self, inventory: Inventory, service: Service) -> None:
        super().__init__(inventory)
        self.service = service
        self.storage = inventory.storage_of(service)
        self.passes_to = service.settings.passes_to
        self.places = tuple(node.name for node in inventory.places(service))
        """The nodes that can run it, by name."""

    @property
    def every_s(self) -> int:
        """Seconds between two looks of an agent in shell.

        That of PostgreSQL starts 90 processes, a seventh of an emulated core every 10 s.
        """
        return every(self.timing, MONITOR_S)

    @property
    def process(self) -> Process | Threads:
        """What it runs on a node."""
        raise NotImplementedError

    @property
    def timeouts(self) -> Operations:
        """Timeouts of its agent, and the interval of its monitor: how late a dead one is seen."""
        raise NotImplementedError

    @property
    def primitive(self) -> Primitive:
        """The resource that is the service itself."""
        raise NotImplementedError

    @property
    def counted(self) -> Primitive:
        """That resource, and what it takes of its node's capacity."""
        return replace(self.primitive, load=self.service.settings.load)

    @property
    def members(self) -> tuple[Primitive, ...]:
        """What it consists of in its group, in the order of their start."""
        return (self.counted,)

    @property
    def fill(self) -> str:
        """Shell text that fills the folder that it gets as $1: what its storage begins with."""
        return ":"

    @property
    def fill_s(self) -> float:
        """Seconds that making that, or an own database, may take besides what steps usually may."""
        return self.fill_pace_s * self.timing.pace

    @property
    def keeps_writes(self) -> bool:
        """Whether a client can write to it, and find after a failover what it was promised."""
        return self.storage is not None

    @property
    def role(self) -> Role:
        """What its resource is where clients are served."""
        return Role.PROMOTED if self.service.settings.promoted else Role.STARTED

    def list_ledger(self, run: str) -> str:
        """Return shell text that prints a run's entries on the node that serves.

        First a line "TIME /ENTRY" for each, in seconds since 1970; an empty line; then for each a
        line as sha256sum prints it, of the body that it holds, and "/ENTRY".
        """
        raise NotImplementedError

    def clear_ledger(self, run: str) -> str:
        """Return shell text that removes a run's entries on the node that serves."""
        raise NotImplementedError

    @property
    def dump(self) -> str:
        """Shell text that prints what its clients have written, on the node that serves."""
        return archived(self._mount_point, "lost+found")

    @property
    def load(self) -> str:
        """Shell text that reads what `dump` printed: all that clients find from then on."""
        return replaced(self._mount_point, "lost+found")

    def question(self, address: IPv4Address) -> str:
        """Return shell text that succeeds on the monitor when the service answers there."""
        raise NotImplementedError

    def check(self, address: IPv4Address, name: str, apart: str) -> Check:
        """Return how the monitoring's server uses it there; `name` and `apart` are its alone.

        As it stands here it connects: to ask for more, it would have to be a client of this kind.
        """
        key = f"net.tcp.service[tcp,{address},{self.service.port}]"
        connection = watched(
            "tcp", apart=apart, name=name, service=self.service.name, address=address, key=key
        )
        return Check(connection, f"last(//{key})=1")

    @property
    def checks(self) -> tuple[Check, ...]:
        """How the monitoring's server uses it, as a client outside does: at each of its addresses.

        The only address of a lab is just its service.
        """
        addresses = (address.ip for address in self.service.addresses)
        if self.inventory.has_one_address:
            return tuple(self.check(each, "Service", "") for each in addresses)
        return tuple(self.check(each, f"Service at {each}", str(each)) for each in addresses)

    def monitored(self) -> tuple[Watched, ...]:
        """Watch whether clients are served, and whether all nodes serve that shall."""
        return (*(check.watched for check in self.checks), *self._servers_watched())

    def _servers_watched(self) -> tuple[Watched, ...]:
        if not self.service.everywhere:
            return ()
        name = self.service.name
        return (watched("servers", apart=name, service=name, count=len(self.places)),)

    def url(self, address: IPv4Address) -> str:
        """Return what a client calls the service."""
        return self.reached_at(str(address), self.service.port)

    def reached_at(self, host: str, port: int) -> str:
        """Return what a client calls the service that finds it at this host and port."""
        raise NotImplementedError

    def serving(self, seen: Seen) -> tuple[str, ...]:
        """Return the nodes at which clients find it: whose kernels have its addresses.

        One without addresses is found by another service, wherever the cluster runs it.
        """
        if not self.service.addresses:
            return seen.cluster.running(self.service.resource, self.role) if seen.cluster else ()
        addresses = {address.ip for address in self.service.addresses}
        return tuple(name for name, node in seen.reached.items() if node.addresses & addresses)

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell where it does not run, and at which addresses it does not answer the monitor."""
        resource = self.service.resource
        if self.service.everywhere:
            yield from seen.not_started(resource, self.role)
        elif seen.cluster is not None and not seen.cluster.running(resource):
            yield f"resource {resource} is not started"
        if seen.monitor is not None:
            for address in self.service.addresses:
                if address.ip not in seen.monitor.answering:
                    name = self.inventory.monitor.name
                    yield f"{self.url(address.ip)} does not answer {name}"

    def resources(self) -> tuple[Resource, ...]:
        """Return its clone where it runs everywhere; else it is a member of a group."""
        if not self.service.everywhere:
            return ()
        return (Clone(self.service.group, self.counted, self.clone_meta),)

    @property
    def clone_meta(self) -> Values:
        """What Pacemaker has to know of the clone: an address waits for the server of its node."""
        return {"interleave": "true"}

    @property
    def _mount_point(self) -> str:
        if self.storage is None:
            raise ValueError(f"service {self.service.name} has no storage")
        return self.storage.mount_point

    def _tag(self) -> str:
        """Return a word for the names of its files: that of the first service is halab's."""
        return f"halab-{self.service.name}" if self.service.number else "halab"

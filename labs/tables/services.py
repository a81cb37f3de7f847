"""What clients use: one class a kind of service."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictInt

from labs.notes import Note
from labs.ports import GALERA_PORTS, HAPROXY_STATISTICS, TAKEN_PORTS
from labs.tables.base import ADDRESS_ALLOWED, Address, NodeName, PartName, Table
from labs.tables.machines import MOST_CAPACITY

TAKEN = ", ".join(f"{port} ({user})" for port, user in sorted(TAKEN_PORTS.items()))
PORT_ALLOWED = (
    f"a TCP port from 1 to 65535 without {TAKEN}, with HAProxy {HAPROXY_STATISTICS} (its "
    f"statistics), with Galera {', '.join(map(str, GALERA_PORTS))} (between its servers), and "
    "those of other services"
)
STORAGE_ALLOWED = "the name of a [storage] table that no other service uses"
HOME_ALLOWED = 'one of nodes.names; of a service that runs on "one-node"'
HOME_SCORE = 1000
"""How much a service as a whole wants to be at home, in Pacemaker's scores."""

MOST_STICKINESS = 3000
"""How much it may want to stay where it is, all its resources together: a lost cable, which
outweighs that twice over where data are replicated, has to count less than good data do."""

STICKINESS_ALLOWED = f"a whole number from 1 to {MOST_STICKINESS}; of a service that has a home"
ANOTHER = 'of another service that runs on "one-node"'
FOLLOWS_ALLOWED = f"the name {ANOTHER} and follows none; not for replicated storage"
APART_ALLOWED = f"names, each {ANOTHER} and follows none; of services without replicated storage"
AFTER_ALLOWED = f"names, each {ANOTHER}; no circle"
TO_ALLOWED = 'the name of a [services] table of kind "nginx" that runs "everywhere"'
FIRST_ADDRESS = (
    ".100 of the service network, or the next free one; the last one where it has no .100"
)

Port = Annotated[StrictInt, Field(ge=1, le=65535), Note(allowed=PORT_ALLOWED)]
UnprivilegedPort = Annotated[
    StrictInt,
    Field(ge=1024, le=65535),
    Note(allowed="whole number from 1024 to 65535: its server is never root"),
]
"""Below that only root may listen (ip(7))."""
FloatingAddress = Annotated[Address | None, Note(allowed=ADDRESS_ALLOWED, default=FIRST_ADDRESS)]


POSTGRESQL_LEAST_MIB = 192
"""What an empty database of version 17 takes and its log up to max_wal_size, as halab sets that,
with some room for data: reckoned."""


class ServiceTable(Table):
    """What every service has.

    `address` is where clients find a service that runs on one node; halab chooses one that fits
    when it is left out. `alone` says why a lab has at most one of this kind, where that is so.
    """

    alone: ClassVar[str] = ""

    promoted: ClassVar[bool] = False
    """Whether clients are served where the cluster has promoted it, and not wherever it runs."""

    majority: ClassVar[bool] = False
    """Whether its servers need a majority of their own, in which nobody else votes."""

    between_nodes: ClassVar[Mapping[int, str]] = {}
    """TCP ports at which its servers find each other on the replication network, and for what."""

    least_mib: ClassVar[int] = 0
    least_why: ClassVar[str] = ""
    """What the disk with its storage has to have at least, and for what."""

    settled: ClassVar[Mapping[str, str]] = {}
    """Keys that a lab that exists keeps because of it: its own, or dotted ones; and why."""

    address: FloatingAddress = Field(
        default=None, description="the floating address of a service that runs on one node"
    )
    home: Annotated[NodeName | None, Note(allowed=HOME_ALLOWED, default="none")] = Field(
        default=None,
        description="the node that a service which runs on one node is on whenever that can have "
        "it. When its home fails it goes to another, and when its home is back it returns, which "
        "clients notice once more, unless its stickiness is against that. Without a home it stays "
        "wherever it is",
    )
    stickiness: Annotated[
        StrictInt | None,
        Field(ge=1, le=MOST_STICKINESS),
        Note(allowed=STICKINESS_ALLOWED, default="100 for each of its resources"),
    ] = Field(
        default=None,
        description="how much it wants to stay where it is, all its resources together. Its home "
        f"counts {HOME_SCORE}: with less it returns when its home is back, with as much or more it "
        "stays where it went, and its home is only where it is at first",
    )
    follows: Annotated[PartName | None, Note(allowed=FOLLOWS_ALLOWED, default="none")] = Field(
        default=None,
        description="the service on whose node it runs, always: it goes where that goes",
    )
    apart: Annotated[tuple[PartName, ...], Note(allowed=APART_ALLOWED, default="none")] = Field(
        default=(),
        description="services with which it never shares a node, whichever of the two says so. "
        "That takes a node for each of them and itself, and one more that may fail",
    )
    after: Annotated[tuple[PartName, ...], Note(allowed=AFTER_ALLOWED, default="none")] = Field(
        default=(),
        description="services without which it does not run: it starts after them, on whichever "
        "node they are, and is stopped and started again when one of them is",
    )
    load: Annotated[StrictInt, Field(ge=0, le=MOST_CAPACITY)] = Field(
        default=0,
        description="how much of a node's `nodes.capacity` it takes, wherever it runs: no node is "
        "given more than it has, and of several that a service could go to it goes to the one with "
        "the most left",
    )
    storage: Annotated[PartName | None, Note(allowed=STORAGE_ALLOWED, default="none")] = Field(
        default=None,
        description="where it keeps its data. A web server without storage serves pages that say "
        "which node answers, and keeps nothing",
    )

    @property
    def everywhere(self) -> bool:
        """Whether the service runs on all nodes at once."""
        return False

    @property
    def returns(self) -> bool:
        """Whether it goes back to its home, if it has one, as soon as it can."""
        return self.stickiness is None or self.stickiness < HOME_SCORE

    @property
    def drawn_to(self) -> str | None:
        """The home that it goes to as soon as that can have it, wherever it is; None without."""
        return self.home if self.returns else None

    @property
    def given(self) -> tuple[IPv4Address, ...]:
        """The floating addresses that the definition chooses for it."""
        return () if self.address is None else (self.address,)

    @property
    def passes_to(self) -> str | None:
        """The name of the service to whose servers it passes requests on."""
        return None


class SpreadTable(ServiceTable):
    """What a service has that may run everywhere: then each node has a floating address for it."""

    runs: Annotated[
        Literal["one-node", "everywhere"],
        Note(besides='"everywhere" for a service without storage, or with storage of kind "gfs2"'),
    ] = Field(
        default="one-node",
        description="on one node, and on another when that fails; or on all nodes at once",
    )
    addresses: Annotated[
        tuple[Address, ...],
        Note(
            allowed="as many free addresses of the service network as there are nodes",
            default="one for each node, from .100 up",
        ),
    ] = Field(
        default=(),
        description="the floating addresses of a service that runs everywhere, in the order of "
        "nodes.names: each is at home on its node, goes to another when that fails, and comes back "
        "with it. A service to which another passes requests has none",
    )

    @property
    def everywhere(self) -> bool:
        """Whether the service runs on all nodes at once."""
        return self.runs == "everywhere"

    @property
    def given(self) -> tuple[IPv4Address, ...]:
        """The floating addresses that the definition chooses for it."""
        return self.addresses if self.everywhere else super().given


class Nginx(SpreadTable):
    """[services.NAME] kind = "nginx": a web server.

    On one node it serves what its storage holds, everywhere pages of its own.
    """

    kind: Literal["nginx"] = Field(description="a web server")
    port: Port = Field(default=80, description="TCP port at every address")


class Haproxy(SpreadTable):
    """[services.NAME] kind = "haproxy": a load balancer before the servers of another service."""

    title: ClassVar[str] = "HAProxy"
    alone: ClassVar[str] = "a node runs the only haproxy.service that the package has"

    kind: Literal["haproxy"] = Field(description="a load balancer before web servers")
    to: Annotated[PartName, Note(allowed=TO_ALLOWED)] = Field(
        description="whose servers it passes requests to. It asks each of them every second for a "
        "page (every two or more in emulation), and passes nothing to one that has not answered "
        "twice. Its opinion of them is on its page of statistics, for who is on that node: "
        f"`curl http://127.0.0.1:{HAPROXY_STATISTICS}/`"
    )
    port: Port = Field(default=80, description="TCP port at every address")
    storage: Annotated[None, Note(allowed="nothing, as it keeps no data", default="none")] = Field(
        default=None, description="where it keeps its data"
    )

    @property
    def passes_to(self) -> str:
        """The name of the service to whose servers it passes requests on."""
        return self.to


class Galera(SpreadTable):
    """[services.NAME] kind = "galera": a database with a server on every node, all of them written.

    Each has a whole copy on its node's own disk. Nobody's death costs an acknowledged transaction.
    """

    title: ClassVar[str] = "Galera"
    alone: ClassVar[str] = "its servers find each other at ports that a node has once"
    promoted: ClassVar[bool] = True
    majority: ClassVar[bool] = True
    between_nodes: ClassVar[Mapping[int, str]] = GALERA_PORTS
    settled: ClassVar[Mapping[str, str]] = {
        "port": "its servers cannot change their port while they run",
        "nodes.names": "with Galera, servers learn of each other when they start: all of them "
        "would have to stop",
    }

    kind: Literal["galera"] = Field(
        description="a database of MariaDB's that is written at every node"
    )
    runs: Literal["everywhere"] = Field(default="everywhere", description="on all nodes at once")
    port: UnprivilegedPort = Field(default=3306, description="TCP port at every address")
    storage: Annotated[
        None, Note(allowed="nothing, as each node has a copy on its own disk", default="none")
    ] = Field(default=None, description="where it keeps its data")


class Postgresql(ServiceTable):
    """[services.NAME] kind = "postgresql": a database on replicated storage."""

    title: ClassVar[str] = "PostgreSQL"
    least_mib: ClassVar[int] = POSTGRESQL_LEAST_MIB
    least_why: ClassVar[str] = (
        "an empty database takes 50, its log up to 64 more, and the filesystem's journal 16"
    )

    kind: Literal["postgresql"] = Field(description="a database")
    port: UnprivilegedPort = Field(default=5432, description="TCP port at every address")
    storage: Annotated[PartName, Note(allowed=STORAGE_ALLOWED)] = Field(
        description="where it keeps its data"
    )


class Nfs(ServiceTable):
    """[services.NAME] kind = "nfs": a file server on storage."""

    title: ClassVar[str] = "NFS"
    alone: ClassVar[str] = "a node's kernel is one NFS server, with one table of its clients"

    kind: Literal["nfs"] = Field(description="a file server, which speaks NFS 4 alone")
    port: Port = Field(default=2049, description="TCP port at every address")
    storage: Annotated[PartName, Note(allowed=STORAGE_ALLOWED)] = Field(
        description="where it keeps its data"
    )


class Memcached(SpreadTable):
    """[services.NAME] kind = "memcached": a cache in memory, which may forget.

    What a client has put at one address it finds there only, until the server behind it ends.
    """

    alone: ClassVar[str] = "a node runs the only memcached.service that the package has"

    kind: Literal["memcached"] = Field(
        description="a cache in memory, empty again after every start"
    )
    port: UnprivilegedPort = Field(default=11211, description="TCP port at every address")
    storage: Annotated[None, Note(allowed="nothing, as it keeps no data", default="none")] = Field(
        default=None, description="where it keeps its data"
    )


AnyService = Annotated[
    Nginx | Haproxy | Galera | Postgresql | Nfs | Memcached, Field(discriminator="kind")
]


class Web(Table):
    """[service]: short for a single web server on replicated storage."""

    address: FloatingAddress = Field(default=None, description="the floating address")
    port: Port = Field(default=80, description="TCP port of the web service")

"""What a lab contains, whatever it runs on: what its platform is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import Protocol

from labs.means import QuorumMeans
from labs.roles import NetworkRole
from labs.tables.machines import Monitor, Nodes
from labs.tables.networks import Networks
from labs.tables.services import AnyService
from labs.tables.storage import AnyStorage


@dataclass(frozen=True)
class Service:
    """What clients use, with its floating addresses: one, or one for each node in their order.

    There are none where another service passes requests to it.
    """

    name: str
    settings: AnyService
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True)
class Storage:
    """Where a service keeps its data; its disk, or the disk of each node, has this size.

    `nodes` are the names of those that have it within reach.
    """

    name: str
    settings: AnyStorage
    size_mib: int
    nodes: tuple[str, ...]

    @property
    def replicated(self) -> bool:
        """Whether nodes have disks of their own for it, and do not share one."""
        return self.settings.replicated


class Contents(Protocol):
    """A lab, as far as a platform looks at it."""

    @property
    def nodes(self) -> Nodes:
        """The nodes."""

    @property
    def monitor(self) -> Monitor:
        """The machine beside the cluster."""

    @property
    def networks(self) -> Networks:
        """The networks."""

    @property
    def settings(self) -> dict[str, AnyService]:
        """The services' tables, by name."""

    @property
    def storage_settings(self) -> dict[str, AnyStorage]:
        """The storage's tables, by name."""

    @property
    def storage(self) -> tuple[Storage, ...]:
        """The storage, with sizes."""

    @property
    def quorum(self) -> QuorumMeans:
        """Who decides which part of a divided cluster goes on."""

    def interface(self, role: NetworkRole, number: int) -> IPv4Interface:
        """Return the address on a network of the machine with this number."""

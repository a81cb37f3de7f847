"""What `status` says about a lab: the types behind `status --json` (docs/json-schemas.md)."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Literal

from inventory.frozen import Frozen
from labs.roles import MachineRole
from parts.seen import NodeState
from status.problems import Problem
from wire.corosync import QdeviceState
from wire.pacemaker import ResourceState, Role


class MonitoringState(StrEnum):
    """Whether the open problems are known."""

    ANSWERS = "answers"
    UNREACHABLE = "unreachable"
    OFF = "off"
    NOT_ASKED = "not asked"


class NodeStatus(Frozen):
    """One machine; `boot_id` changes with every boot and is None while it is unreachable."""

    name: str
    role: MachineRole
    state: NodeState
    boot_id: str | None


class Quorum(Frozen):
    """Votes present and expected, the quorum device's among them if the lab has one."""

    quorate: bool
    votes: int
    expected: int
    qdevice: QdeviceState | None


class LinkStatus(Frozen):
    """One cluster link as one node sees it."""

    node: str
    link: int
    peer: str
    connected: bool


class ResourceStatus(Frozen):
    """One instance of a cluster resource; `node` is None where it runs nowhere."""

    id: str
    node: str | None
    role: Role
    state: ResourceState


class ReplicationStatus(Frozen):
    """The replicated disk as one node's kernel sees it; `out_of_sync` is in KiB."""

    connection: str
    role: str
    disk: str
    peer_disk: str
    out_of_sync: int


class SharedDiskStatus(Frozen):
    """A disk that all nodes share, as one node sees it.

    `owner` is the node that LVM takes for its owner, empty where all nodes use it at once, None
    where the disk cannot be read; `active` and `mounted` tell what the node's own kernel has.
    """

    owner: str | None
    active: bool
    mounted: bool


class AddressStatus(Frozen):
    """A node that holds an address of a service, as its kernel says."""

    address: IPv4Address
    node: str
    service: str


class EndpointStatus(Frozen):
    """Whether a service answers the monitor, which stands outside the cluster, at one address."""

    address: IPv4Address
    url: str
    answers: bool


class ServiceStatus(Frozen):
    """A service: the nodes at which clients find it, one of them or all, and its addresses.

    One that clients find by another service has no address, and is at the nodes that run it.
    """

    name: str
    everywhere: bool
    nodes: tuple[str, ...]
    endpoints: tuple[EndpointStatus, ...]

    @property
    def answers(self) -> bool:
        """Whether it answers at every address."""
        return all(endpoint.answers for endpoint in self.endpoints)


class RemedyStatus(Frozen):
    """What ends a reason, or a line of the history, that ends late or never by itself.

    `command` is ready to paste; `warning` says when it must not be run. `by_itself_s`: after how
    many seconds at most nobody need do anything; None for never, or when nobody can tell.
    """

    reason: str
    command: str
    warning: str | None = None
    by_itself_s: int | None = None


class LabStatus(Frozen):
    """A lab at one moment. `healthy` is true exactly when there are no `reasons`.

    `history` is what went wrong, is over and harms nothing any more.

    `platform` and `accelerated` are None for machines that halab did not make.
    """

    version: Literal[2] = 2
    lab: str
    platform: str | None
    accelerated: bool | None
    nodes: tuple[NodeStatus, ...]
    quorum: Quorum | None
    dc: str | None = None
    """The node that coordinates the cluster, as the quorate partition says."""
    links: tuple[LinkStatus, ...]
    resources: tuple[ResourceStatus, ...]
    replication: dict[str, dict[str, ReplicationStatus]]
    """By the name of the storage, then by node."""
    shared_disks: dict[str, dict[str, SharedDiskStatus]]
    """Likewise."""
    addresses: tuple[AddressStatus, ...]
    services: tuple[ServiceStatus, ...]
    monitoring: MonitoringState = MonitoringState.NOT_ASKED
    problems: tuple[Problem, ...] | None = None
    """What monitoring complains about; None when it was not or could not be asked."""
    healthy: bool
    reasons: tuple[str, ...]
    history: tuple[str, ...] = ()
    remedies: tuple[RemedyStatus, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether every service answers."""
        return all(service.answers for service in self.services)

    def service(self, name: str) -> ServiceStatus:
        """Return a service by name; raises KeyError when there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    @property
    def serving(self) -> str:
        """Where clients are served, in words."""
        if len(self.services) == 1 and not self.services[0].everywhere:
            return f"{' and '.join(self.services[0].nodes) or 'nobody'} is active"
        places = (f"{each.name} on {', '.join(each.nodes) or 'no node'}" for each in self.services)
        return "; ".join(places)

    def summary(self) -> str:
        """Return one line for progress: healthy, or what is still missing."""
        if self.healthy:
            return f"{self.lab} is healthy, {self.serving}"
        first, *others = self.reasons
        return first if not others else f"{first} (and {len(others)} more)"

"""What was seen of all machines in one look; None stands for a machine that could not be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address

from wire.cib import Deeds
from wire.corosync import Link, QuorumView
from wire.pacemaker import ClusterView, Role
from wire.system import Room

LIMITED = "timeout 20"
"""In front of a reading that asks a daemon: one that hangs must cost one section (s), not all."""


class NodeState(StrEnum):
    """How a machine takes part. The monitor is only ever online or unreachable."""

    ONLINE = "online"
    STANDBY = "standby"
    OFFLINE = "offline"
    UNCLEAN = "unclean"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class NodeSeen:
    """What one cluster node says of itself and of the cluster.

    `mounts` are devices by mount point; `told` is what the readings of parts printed, by their
    names.
    """

    boot_id: str
    cluster: ClusterView | None
    quorum: QuorumView | None
    links: tuple[Link, ...]
    addresses: frozenset[IPv4Address]
    mounts: Mapping[str, str]
    units: Mapping[str, str]
    deeds: Deeds
    room: Room | None
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MonitorSeen:
    """What the monitor says of itself, and at which addresses services answer it."""

    boot_id: str
    units: Mapping[str, str]
    answering: frozenset[IPv4Address]
    room: Room | None


@dataclass(frozen=True)
class Seen:
    """One look at all machines."""

    nodes: Mapping[str, NodeSeen | None]
    monitor: MonitorSeen | None

    @property
    def reached(self) -> dict[str, NodeSeen]:
        """The nodes that answered."""
        return {name: found for name, found in self.nodes.items() if found is not None}

    @property
    def speaker_name(self) -> str | None:
        """The node whose view of the cluster counts: in a quorate partition, if there is one."""
        views = {name: node.cluster for name, node in self.reached.items() if node.cluster}
        quorate = [name for name, view in views.items() if view.quorate]
        return next(iter(quorate or views), None)

    @property
    def speaker(self) -> NodeSeen | None:
        """What is known of that node."""
        name = self.speaker_name
        return None if name is None else self.nodes[name]

    @property
    def cluster(self) -> ClusterView | None:
        """The speaker's view of the cluster."""
        return self.speaker.cluster if self.speaker else None

    @property
    def online(self) -> tuple[str, ...]:
        """The nodes that may run resources."""
        return tuple(name for name in self.nodes if self.state(name) is NodeState.ONLINE)

    def state(self, node: str) -> NodeState:
        """Judge how a node takes part: unclean before unreachable before what it says itself."""
        seen, cluster = self.nodes.get(node), self.cluster
        member = cluster.member(node) if cluster else None
        # Before a coordinator is elected, everybody passes for unclean.
        if member is not None and member.unclean and cluster and cluster.dc:
            return NodeState.UNCLEAN
        if seen is None:
            return NodeState.UNREACHABLE
        own = seen.cluster.member(node) if seen.cluster else None
        if member is None or own is None or not (member.online and own.online) or member.pending:
            return NodeState.OFFLINE
        return NodeState.STANDBY if member.standby else NodeState.ONLINE

    def holders(self, address: IPv4Address) -> tuple[str, ...]:
        """Return the nodes whose kernel has an address."""
        return tuple(name for name, node in self.reached.items() if address in node.addresses)

    def not_started(self, resource: str, role: Role = Role.STARTED) -> Iterator[str]:
        """Say on which of the nodes that may run it a resource for every node is not so."""
        if self.cluster is None:
            return
        running = self.cluster.running(resource, role)
        for name in self.online:
            if name not in running:
                yield f"resource {resource} is not {role.value} on {name}"


def exactly_one(what: str, nodes: tuple[str, ...]) -> Iterator[str]:
    """Say when no node, or more than one, is what exactly one has to be."""
    if not nodes:
        yield f"no node {what}"
    elif len(nodes) > 1:
        yield f"more than one node {what}: {', '.join(nodes)}"

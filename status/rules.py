"""What a healthy lab is: readings in, sentences about everything that is not right out. Pure.

Each machine's own kernel is asked for what it really holds (primary, mount, address); the
cluster's opinion of it is judged besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inventory.model import Inventory, Machine
from provisioning.cib import CABLE, CABLE_RULE
from status.model import NodeState, QdeviceState, ResourceState, Role
from status.pacemaker import ClusterView, FenceEvent
from status.reading import MOUNT_POINT, MonitorReading, NodeReading, service_url

REPLICATION = "drbd"
SERVICE = ("filesystem", "web", "address")
FENCING = "fencing"
"""Resource ids that provisioning gives; that of a node's service cable is cib.CABLE."""

LINKS = (0, 1)
"""Corosync's link numbers: one over each cluster network."""

WRONG_STATES = {
    ResourceState.FAILED: "has failed",
    ResourceState.BLOCKED: "is blocked",
    ResourceState.UNMANAGED: "is not managed",
    ResourceState.ORPHANED: "runs although it is no longer configured",
}


@dataclass(frozen=True)
class Readings:
    """One look at all machines; None stands for a machine that could not be asked."""

    nodes: Mapping[str, NodeReading | None]
    monitor: MonitorReading | None

    @property
    def reached(self) -> dict[str, NodeReading]:
        """The nodes that answered."""
        return {name: found for name, found in self.nodes.items() if found is not None}

    @property
    def speaker(self) -> NodeReading | None:
        """The node whose view of the cluster counts: in a quorate partition, if there is one."""
        asked = [node for node in self.reached.values() if node.cluster is not None]
        quorate = [node for node in asked if node.cluster and node.cluster.quorate]
        return next(iter(quorate or asked), None)

    @property
    def cluster(self) -> ClusterView | None:
        """The speaker's view of the cluster."""
        return self.speaker.cluster if self.speaker else None

    def state(self, node: str) -> NodeState:
        """Judge how a node takes part: unclean before unreachable before what it says itself."""
        reading, cluster = self.nodes.get(node), self.cluster
        member = cluster.member(node) if cluster else None
        # Before a coordinator is elected, everybody passes for unclean.
        if member is not None and member.unclean and cluster and cluster.dc:
            return NodeState.UNCLEAN
        if reading is None:
            return NodeState.UNREACHABLE
        own = reading.cluster.member(node) if reading.cluster else None
        if member is None or own is None or not (member.online and own.online) or member.pending:
            return NodeState.OFFLINE
        return NodeState.STANDBY if member.standby else NodeState.ONLINE


def judge(inventory: Inventory, readings: Readings) -> tuple[str, ...]:
    """Return a plain sentence for everything that keeps the lab from being healthy."""
    found = (
        *_machines(inventory, readings),
        *_quorum(readings),
        *_links(inventory, readings),
        *_replication(readings),
        *_placement(inventory, readings),
        *_cluster(readings),
        *_resources(inventory, readings),
        *_fencing(readings),
        *_service(inventory, readings),
    )
    return tuple(dict.fromkeys(found))


def _machines(inventory: Inventory, readings: Readings) -> Iterator[str]:
    sentences = {
        NodeState.UNREACHABLE: "does not answer over ssh",
        NodeState.STANDBY: "is in standby",
        NodeState.OFFLINE: "has not joined the cluster",
        NodeState.UNCLEAN: "is unclean: the cluster has lost it and has to fence it",
    }
    for node in inventory.nodes:
        state = readings.state(node.name)
        if state in sentences:
            yield f"{node.name} {sentences[state]}"
        reading = readings.nodes.get(node.name)
        if reading is None:
            continue
        if reading.cluster is None:
            yield f"pacemaker does not answer on {node.name}"
        yield from _units(node.name, reading.units)
    if readings.monitor is None:
        yield f"{inventory.monitor.name} does not answer over ssh"
    else:
        yield from _units(inventory.monitor.name, readings.monitor.units)


def _units(machine: str, units: Mapping[str, str]) -> Iterator[str]:
    if not units:
        yield f"{machine} does not tell which services run"
    for unit, state in units.items():
        if state != "active":
            yield f"service {unit} on {machine} is {state}"


def _quorum(readings: Readings) -> Iterator[str]:
    for name, node in readings.reached.items():
        quorum = node.quorum
        if quorum is None:
            yield f"corosync does not answer on {name}"
            continue
        if not quorum.quorate:
            yield f"{name} is not in a quorate partition"
        if quorum.votes < quorum.expected:
            yield f"{name} sees {quorum.votes} of {quorum.expected} votes"
        if quorum.qdevice is QdeviceState.ABSENT:
            yield f"{name} has no quorum device"
        elif quorum.qdevice is not QdeviceState.VOTING:
            yield f"the quorum device does not vote for {name}"


def _links(inventory: Inventory, readings: Readings) -> Iterator[str]:
    names = {node.number: node.name for node in inventory.nodes}
    for name, node in readings.reached.items():
        for link in node.links:
            if not link.connected:
                peer = names.get(link.peer, f"node {link.peer}")
                yield f"cluster link {link.number} from {name} to {peer} is down"
        if node.quorum is None:
            continue
        there = {(link.number, link.peer) for link in node.links}
        for peer_id, peer in names.items():
            for number in LINKS:
                if peer != name and (number, peer_id) not in there:
                    yield f"cluster link {number} from {name} to {peer} does not exist"


def _replication(readings: Readings) -> Iterator[str]:
    for name, node in readings.reached.items():
        disk = node.replication
        if disk is None:
            yield f"the replicated disk is not up on {name}"
            continue
        if disk.connection != "Connected":
            yield f"replication on {name} is {disk.connection}, not Connected"
        if disk.disk != "UpToDate":
            yield f"the replicated disk on {name} is {disk.disk}, not UpToDate"
        if disk.peer_disk != "UpToDate":
            yield f"{name} takes its peer's replicated disk for {disk.peer_disk}, not UpToDate"
        if disk.out_of_sync:
            yield f"{disk.out_of_sync} KiB are out of sync on {name}"
    yield from _one(
        "is DRBD Primary",
        [
            name
            for name, node in readings.reached.items()
            if node.replication and node.replication.role == "Primary"
        ],
    )


def _placement(inventory: Inventory, readings: Readings) -> Iterator[str]:
    address = inventory.service.address.ip
    reached = readings.reached.items()
    yield from _one(f"has {MOUNT_POINT} mounted", [name for name, node in reached if node.mounted])
    yield from _one(
        f"holds the service address {address}",
        [name for name, node in reached if address in node.addresses],
    )


def _one(what: str, nodes: list[str]) -> Iterator[str]:
    if not nodes:
        yield f"no node {what}"
    elif len(nodes) > 1:
        yield f"more than one node {what}: {', '.join(nodes)}"


def _cluster(readings: Readings) -> Iterator[str]:
    views = {name: node.cluster for name, node in readings.reached.items() if node.cluster}
    if readings.cluster is None:
        return
    if not readings.cluster.fencing_enabled:
        yield "fencing is switched off (stonith-enabled=false)"
    if readings.cluster.maintenance:
        yield "the cluster is in maintenance mode"
    for member in readings.cluster.members:
        if member.maintenance:
            yield f"{member.name} is in maintenance mode"
    coordinators = {name: view.dc for name, view in views.items()}
    if len(set(coordinators.values())) > 1:
        said = ", ".join(f"{name} says {dc}" for name, dc in coordinators.items())
        yield f"the nodes do not agree on who coordinates the cluster: {said}"
    if readings.cluster.dc is None:
        yield "the cluster has not elected a coordinator"


def _resources(inventory: Inventory, readings: Readings) -> Iterator[str]:
    cluster = readings.cluster
    if cluster is None:
        return
    for instance in cluster.instances:
        if instance.state in WRONG_STATES:
            where = f" on {instance.node}" if instance.node else ""
            yield f"resource {instance.id}{where} {WRONG_STATES[instance.state]}"
    promoted = cluster.running(REPLICATION, Role.PROMOTED)
    yield from _one(f"has resource {REPLICATION} promoted", list(promoted))
    for resource in SERVICE:
        started = cluster.running(resource)
        if not started:
            yield f"resource {resource} is not started"
        elif started != promoted:
            where = ", ".join(started)
            yield f"resource {resource} runs on {where}, not where {REPLICATION} is promoted"
    for node in _online(inventory, readings):
        if node.name not in promoted and node.name not in cluster.running(
            REPLICATION, Role.UNPROMOTED
        ):
            yield f"resource {REPLICATION} is not started on {node.name}"
        for resource in (FENCING, CABLE):
            if node.name not in cluster.running(resource):
                yield f"resource {resource} is not started on {node.name}"
    for ban in cluster.bans:
        if ban.id.startswith(CABLE_RULE):
            yield f"{ban.node} has no cable into the service network"
        else:
            yield f"constraint {ban.id} keeps {ban.resource} from {ban.node}"
    for failure in cluster.failures:
        yield f"operation {failure.operation} failed on {failure.node}: {failure.reason}"
    for count in cluster.fail_counts:
        yield f"resource {count.resource} has failed {count.count} times on {count.node}"


def _online(inventory: Inventory, readings: Readings) -> list[Machine]:
    return [node for node in inventory.nodes if readings.state(node.name) is NodeState.ONLINE]


def _fencing(readings: Readings) -> Iterator[str]:
    for event in latest_fencing(readings.cluster):
        if event.status == "pending":
            yield f"fencing of {event.target} is under way"
        elif event.status == "failed":
            yield f"the last fencing of {event.target} failed"
    for name, node in readings.reached.items():
        if not node.slots:
            yield f"{name} cannot read the fencing disk"
        for slot in node.slots:
            if slot.message != "clear":
                yield f"{name} reads {slot.message!r} for {slot.node} on the fencing disk"


def latest_fencing(cluster: ClusterView | None) -> tuple[FenceEvent, ...]:
    """Return the newest fencing event of each target; an old failure that was made good is gone."""
    newest: dict[str, FenceEvent] = {}
    for event in cluster.fence_events if cluster else ():
        newest.setdefault(event.target, event)
    return tuple(newest.values())


def _service(inventory: Inventory, readings: Readings) -> Iterator[str]:
    if readings.monitor is not None and readings.monitor.http_status != "200":
        yield f"{service_url(inventory)} does not answer {inventory.monitor.name}"

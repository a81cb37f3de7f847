"""What a healthy lab is: readings in, reasons for everything that is not right out. Pure.

Each machine's own kernel is asked for what it really holds (primary, mount, address); the
cluster's opinion of it is judged besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inventory.model import Inventory, Machine
from parts.addresses import cable, ipaddr2
from parts.fencing import sbd
from parts.services import nginx
from parts.storage import drbd
from provisioning.corosync import LINKS
from status.leftovers import Cluster, leftovers
from status.model import NodeState, QdeviceState, ReplicationStatus, ResourceState, Role
from status.pacemaker import ClusterView
from status.reading import NODE_UNITS, MonitorReading, NodeReading, service_url
from status.reasons import FOR_EVER, Reason, Remedy

SERVICE = (drbd.FILESYSTEM, nginx.PRIMITIVE, ipaddr2.PRIMITIVE)
"""What runs where replication is promoted."""

EVERYWHERE = (sbd.PRIMITIVE, cable.PRIMITIVE)
"""What runs on every node."""

UP_TO_DATE = "UpToDate"

UNCONNECTED = frozenset({"StandAlone", "Unconnected", "WFConnection"})
"""Replication that has not met its peer."""

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


def judge(inventory: Inventory, readings: Readings) -> tuple[Reason, ...]:
    """Return everything that keeps the lab from being healthy, and what is only past."""
    found: tuple[Reason | str, ...] = (
        *_leftovers(inventory, readings),
        *_machines(inventory, readings),
        *_room(inventory, readings),
        *_quorum(readings),
        *_links(inventory, readings),
        *_replication(inventory, readings),
        *_placement(inventory, readings),
        *_cluster(readings),
        *_resources(inventory, readings),
        *_fencing(readings),
        *_service(inventory, readings),
    )
    # A sentence alone stands for what passes.
    reasons = (Reason(each) if isinstance(each, str) else each for each in found)
    return tuple({reason.sentence: reason for reason in reasons}.values())


def _leftovers(inventory: Inventory, readings: Readings) -> Iterator[Reason]:
    speaker = readings.speaker
    if speaker is None or speaker.cluster is None:
        return
    disks = [node.replication for node in readings.reached.values()]
    yield from leftovers(
        Cluster(
            view=speaker.cluster,
            deeds=speaker.deeds,
            speaker=next(name for name, node in readings.reached.items() if node is speaker),
            states={node.name: readings.state(node.name) for node in inventory.nodes},
            timing=inventory.timing,
            redundant=all(
                disk is not None and disk.disk == disk.peer_disk == UP_TO_DATE for disk in disks
            ),
        )
    )


def _machines(inventory: Inventory, readings: Readings) -> Iterator[Reason | str]:
    sentences = {
        NodeState.UNREACHABLE: "does not answer over ssh",
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
        # A node boots, and its daemons wait for each other, for as long as that.
        yield from _units(node, reading.units, inventory.timing.boot_wait_s)
    if readings.monitor is None:
        yield f"{inventory.monitor.name} does not answer over ssh"
    else:
        yield from _units(inventory.monitor, readings.monitor.units, inventory.timing.boot_wait_s)


def _units(machine: Machine, units: Mapping[str, str], wait_s: float) -> Iterator[Reason | str]:
    if not units:
        yield f"{machine.name} does not tell which services run"
    for unit, state in units.items():
        if state == "active":
            continue
        sentence = f"service {unit} on {machine.name} is {state}"
        if state not in ("inactive", "failed"):
            yield sentence
            continue
        # Corosync brings sbd along, and nothing else can.
        started = "pacemaker corosync-qdevice" if unit in NODE_UNITS else unit
        command = f"systemctl reset-failed {unit}; systemctl start {started}"
        yield Reason(sentence, Remedy(machine.name, command), FOR_EVER, wait_s)


def _room(inventory: Inventory, readings: Readings) -> Iterator[Reason]:
    asked: dict[str, NodeReading | MonitorReading | None] = {**readings.nodes}
    asked[inventory.monitor.name] = readings.monitor
    for name, found in asked.items():
        room = found.room if found else None
        if room is not None and room.is_low:
            sentence = (
                f"the root filesystem of {name} is nearly full: {room.free_mib:.0f} MiB "
                f"({room.blocks_percent:.0f} %) and {room.inodes_percent:.0f} % of the inodes left"
            )
            shows = Remedy(
                name,
                "du -xh --max-depth=3 / | sort -h | tail",
                warning="It shows who takes the room; what may go is for you to say.",
            )
            yield Reason(sentence, shows, FOR_EVER, 5.0 * inventory.timing.pace)


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


def _replication(inventory: Inventory, readings: Readings) -> Iterator[Reason | str]:
    alone = [
        name
        for name, node in readings.reached.items()
        if node.replication and node.replication.connection == "StandAlone"
    ]
    for name, node in readings.reached.items():
        disk = node.replication
        if disk is None:
            yield f"the replicated disk is not up on {name}"
            continue
        remedy = _reconnection(name, disk, diverged=len(alone) > 1)
        lasts_s = FOR_EVER if remedy else 0.0
        settles_s = inventory.timing.stop_wait_s / 2
        if disk.connection != "Connected":
            sentence = f"replication on {name} is {disk.connection}, not Connected"
            yield Reason(sentence, remedy, lasts_s, settles_s)
        if disk.disk != UP_TO_DATE:
            sentence = f"the replicated disk on {name} is {disk.disk}, not UpToDate"
            gone = (
                Remedy(name, f"drbdadm attach {drbd.RESOURCE}") if disk.disk == "Diskless" else None
            )
            yield Reason(sentence, gone, FOR_EVER if gone else 0.0, settles_s)
        if disk.peer_disk != UP_TO_DATE:
            yield f"{name} takes its peer's replicated disk for {disk.peer_disk}, not UpToDate"
        if disk.out_of_sync:
            sentence = f"{disk.out_of_sync} KiB are out of sync on {name}"
            yield Reason(sentence, remedy if disk.connection == "Connected" else None)
    yield from _stale(inventory, readings)
    yield from _one(
        "is DRBD Primary",
        [
            name
            for name, node in readings.reached.items()
            if node.replication and node.replication.role == "Primary"
        ],
    )


def _stale(inventory: Inventory, readings: Readings) -> Iterator[str]:
    """Name whom a node waits for whose data may not be the newest: DRBD refuses to promote them."""
    newer = {"Consistent": "may have newer data", "Outdated": "has newer data"}
    for name, node in readings.reached.items():
        disk = node.replication
        if disk is None or disk.disk not in newer or disk.connection not in UNCONNECTED:
            continue
        others = " and ".join(other.name for other in inventory.nodes if other.name != name)
        yield f"{name} waits for {others}, which {newer[disk.disk]}"


def _reconnection(node: str, disk: ReplicationStatus, *, diverged: bool) -> Remedy | None:
    """Return what makes DRBD go on where it waits for a person."""
    if disk.connection == "StandAlone" and diverged and disk.role != "Primary":
        return Remedy(
            node,
            f"drbdadm disconnect {drbd.RESOURCE}; drbdadm secondary {drbd.RESOURCE}; "
            f"drbdadm connect --discard-my-data {drbd.RESOURCE}",
            f"gives up what was written on {node} alone",
        )
    if disk.connection == "StandAlone":
        return Remedy(node, f"drbdadm connect {drbd.RESOURCE}")
    if disk.connection.startswith("PausedSync"):
        return Remedy(node, f"drbdadm resume-sync {drbd.RESOURCE}")
    if disk.out_of_sync and disk.connection == "Connected" and disk.role != "Primary":
        # Blocks that a comparison found to differ are copied at the next connection.
        return Remedy(node, f"drbdadm disconnect {drbd.RESOURCE}; drbdadm connect {drbd.RESOURCE}")
    return None


def _placement(inventory: Inventory, readings: Readings) -> Iterator[str]:
    address = inventory.service.address.ip
    reached = readings.reached.items()
    yield from _one(
        f"has {drbd.MOUNT_POINT} mounted", [name for name, node in reached if node.mounted]
    )
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
    coordinators = {name: view.dc for name, view in views.items()}
    if len(set(coordinators.values())) > 1:
        said = ", ".join(f"{name} says {dc}" for name, dc in coordinators.items())
        yield f"the nodes do not agree on who coordinates the cluster: {said}"
    if readings.cluster.dc is None:
        yield "the cluster has not elected a coordinator"


def _resources(inventory: Inventory, readings: Readings) -> Iterator[Reason | str]:
    cluster = readings.cluster
    if cluster is None:
        return
    maintained = {member.name for member in cluster.members if member.maintenance}
    for instance in cluster.instances:
        if instance.state not in WRONG_STATES:
            continue
        if instance.state is ResourceState.UNMANAGED and (
            cluster.maintenance or instance.node in maintained
        ):
            # Maintenance makes everything unmanaged and is told as what it is.
            continue
        where = f" on {instance.node}" if instance.node else ""
        yield f"resource {instance.id}{where} {WRONG_STATES[instance.state]}"
    promoted = cluster.running(drbd.PRIMITIVE, Role.PROMOTED)
    yield from _one(f"has resource {drbd.PRIMITIVE} promoted", list(promoted))
    for resource in SERVICE:
        started = cluster.running(resource)
        if not started:
            yield f"resource {resource} is not started"
        elif started != promoted:
            where = ", ".join(started)
            yield f"resource {resource} runs on {where}, not where {drbd.PRIMITIVE} is promoted"
    for node in _online(inventory, readings):
        if node.name not in promoted and node.name not in cluster.running(
            drbd.PRIMITIVE, Role.UNPROMOTED
        ):
            yield f"resource {drbd.PRIMITIVE} is not started on {node.name}"
        for resource in EVERYWHERE:
            if node.name not in cluster.running(resource):
                yield f"resource {resource} is not started on {node.name}"


def _online(inventory: Inventory, readings: Readings) -> list[Machine]:
    return [node for node in inventory.nodes if readings.state(node.name) is NodeState.ONLINE]


def _fencing(readings: Readings) -> Iterator[str]:
    for name, node in readings.reached.items():
        if not node.slots:
            yield f"{name} cannot read the fencing disk"
        for slot in node.slots:
            if slot.message != "clear":
                yield f"{name} reads {slot.message!r} for {slot.node} on the fencing disk"


def _service(inventory: Inventory, readings: Readings) -> Iterator[str]:
    if readings.monitor is not None and readings.monitor.http_status != "200":
        yield f"{service_url(inventory)} does not answer {inventory.monitor.name}"

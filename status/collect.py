"""Reads all machines of a lab over ssh, in parallel, one round trip each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address

from core.errors import CommandError
from inventory.model import Inventory, Machine
from inventory.record import Record
from labs.roles import MachineRole
from machines.remote import Remote, RemoteUnreachable
from parts.all import Parts
from parts.reasons import FOR_EVER, Reason
from parts.seen import LIMITED, NodeSeen, NodeState, Seen
from parts.services.base import ServicePart
from parts.storage.volumes import VolumePart
from status.model import (
    AddressStatus,
    EndpointStatus,
    LabStatus,
    LinkStatus,
    NodeStatus,
    Quorum,
    RemedyStatus,
    ReplicationStatus,
    ResourceStatus,
    ServiceStatus,
    SharedDiskStatus,
)
from status.reading import (
    answers_script,
    monitor_script,
    node_script,
    parse_answers,
    parse_monitor,
    parse_node,
)
from status.rules import judge
from wire.controller import FOLLOWS, IDLE, STATE_COMMAND, parse_state
from wire.corosync import QdeviceState
from wire.drbd import Device

CONNECT_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 40.0
"""A reading takes 2 to 5 s in an emulated guest; a machine that lost power never answers."""


def collect(inventory: Inventory, record: Record | None = None) -> LabStatus:
    """Read a lab once and judge it; a machine that cannot be reached is a finding, not an error.

    `record` tells the platform and is None for machines that halab did not make.
    """
    with Observer(inventory, record) as observer:
        return observer.read()


class Observer:
    """Reads a lab again and again over connections that stay open between readings."""

    def __init__(self, inventory: Inventory, record: Record | None = None) -> None:
        self.inventory = inventory
        self.parts = Parts(inventory)
        self._record = record
        self._remotes = {
            machine.name: Remote(machine, connect_timeout=CONNECT_TIMEOUT_S)
            for machine in inventory.machines
        }

    def __enter__(self) -> Observer:
        """Return this observer; leaving the block closes its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """All machines, over the connections that readings use: a login takes a guest seconds."""
        return tuple(self._remotes.values())

    def remote(self, machine: Machine) -> Remote:
        """Return one machine, over the connection that readings use."""
        return self._remotes[machine.name]

    def close(self) -> None:
        """Drop all connections; the next reading makes new ones.

        Worth calling after a power fault: a connection into a dead machine hangs for long.
        """
        for remote in self._remotes.values():
            remote.close()

    def read(self) -> LabStatus:
        """Look at all machines once."""
        return self.read_both()[0]

    def read_both(self) -> tuple[LabStatus, Seen]:
        """Look at all machines once; return the judgement and what it was made from."""
        seen = self.look()
        return describe(self.parts, seen, self._record), seen

    def answering(self) -> frozenset[IPv4Address]:
        """Return the addresses at which services answer the monitor; none if that cannot be asked.

        In an emulated guest that costs a twentieth of a whole reading.
        """
        text = self._run(self.inventory.monitor, answers_script(self.parts))
        return frozenset() if text is None else parse_answers(text)

    def services_answer(self) -> bool:
        """Tell whether all services answer, as cheaply."""
        wanted = {each.ip for service in self.inventory.services for each in service.addresses}
        return self.answering() >= wanted

    def at_work(self, coordinator: str | None) -> bool:
        """Tell whether the cluster has something to do, as its coordinator says.

        It is one program on one node; False where nobody can tell.
        """
        if coordinator not in self._remotes:
            return False
        asked = f"{LIMITED} {STATE_COMMAND} 2>/dev/null || :"
        text = self._run(self.inventory.machine(coordinator), asked)
        return parse_state(text or "") not in (None, IDLE, FOLLOWS)

    def look(self) -> Seen:
        """Look at all machines once, without a judgement."""
        with ThreadPoolExecutor(max_workers=len(self._remotes)) as pool:
            texts = dict(
                zip(
                    (machine.name for machine in self.inventory.machines),
                    pool.map(self._ask, self.inventory.machines),
                    strict=True,
                )
            )
        nodes: dict[str, NodeSeen | None] = {}
        for node in self.inventory.nodes:
            text = texts[node.name]
            nodes[node.name] = None if text is None else parse_node(self.parts, text)
        text = texts[self.inventory.monitor.name]
        return Seen(nodes, None if text is None else parse_monitor(self.parts, text))

    def _ask(self, machine: Machine) -> str | None:
        of_role = node_script if machine.role is MachineRole.NODE else monitor_script
        return self._run(machine, of_role(self.parts))

    def _run(self, machine: Machine, script: str) -> str | None:
        remote = self.remote(machine)
        try:
            return remote.run(script, timeout=READ_TIMEOUT_S).stdout
        except RemoteUnreachable:
            return None
        except CommandError as error:
            if error.status is not None:
                raise
            remote.close()
            return None


def describe(parts: Parts, seen: Seen, record: Record | None) -> LabStatus:
    """Word what was seen as `status` shows it."""
    inventory = parts.inventory
    found = judge(parts, seen)
    reasons = tuple(reason.sentence for reason in found if not reason.past)
    return LabStatus(
        lab=inventory.lab,
        platform=record.platform if record else None,
        accelerated=record.accelerated if record else None,
        nodes=tuple(_machines(inventory, seen)),
        quorum=_quorum(inventory, seen),
        dc=seen.cluster.dc if seen.cluster else None,
        links=tuple(_links(inventory, seen)),
        resources=tuple(
            ResourceStatus(id=each.id, node=each.node, role=each.role, state=each.state)
            for each in (seen.cluster.instances if seen.cluster else ())
        ),
        replication={
            name: {
                node: _replication(device)
                for node, device in replica.devices(seen).items()
                if device is not None
            }
            for name, replica in parts.replicas.items()
        },
        shared_disks={name: _shared_disk(storage, seen) for name, storage in parts.volumes.items()},
        addresses=tuple(
            AddressStatus(address=address.ip, node=name, service=service.name)
            for service in inventory.services
            for address in service.addresses
            for name in seen.holders(address.ip)
        ),
        services=tuple(_service(part, seen) for part in parts.services.values()),
        healthy=not reasons,
        reasons=reasons,
        history=tuple(reason.sentence for reason in found if reason.past),
        remedies=tuple(_remedies(inventory, found)),
    )


def _machines(inventory: Inventory, seen: Seen) -> Iterator[NodeStatus]:
    """Yield the nodes, and the monitor last."""
    for node in inventory.nodes:
        found = seen.reached.get(node.name)
        yield NodeStatus(
            name=node.name,
            role=node.role,
            state=seen.state(node.name),
            boot_id=found.boot_id if found else None,
        )
    yield NodeStatus(
        name=inventory.monitor.name,
        role=MachineRole.MONITOR,
        state=NodeState.ONLINE if seen.monitor else NodeState.UNREACHABLE,
        boot_id=seen.monitor.boot_id if seen.monitor else None,
    )


def _quorum(inventory: Inventory, seen: Seen) -> Quorum | None:
    found = seen.speaker.quorum if seen.speaker else None
    if found is None:
        return None
    device = (found.qdevice or QdeviceState.ABSENT) if inventory.quorum == "device" else None
    return Quorum(quorate=found.quorate, votes=found.votes, expected=found.expected, qdevice=device)


def _links(inventory: Inventory, seen: Seen) -> Iterator[LinkStatus]:
    names = {node.number: node.name for node in inventory.nodes}
    for name, node in seen.reached.items():
        for link in node.links:
            yield LinkStatus(
                node=name,
                link=link.number,
                peer=names.get(link.peer, str(link.peer)),
                connected=link.connected,
            )


def _remedies(inventory: Inventory, found: Sequence[Reason]) -> Iterator[RemedyStatus]:
    for reason in found:
        if reason.remedy is not None:
            yield RemedyStatus(
                reason=reason.sentence,
                command=reason.remedy.paste(inventory.lab),
                warning=reason.remedy.warning,
                by_itself_s=round(reason.lasts_s) if 0 < reason.lasts_s < FOR_EVER else None,
            )


def _replication(device: Device) -> ReplicationStatus:
    return ReplicationStatus(
        connection=device.connection,
        role=device.role,
        disk=device.disk,
        peer_disk=device.peer_disk,
        out_of_sync=device.out_of_sync,
    )


def _shared_disk(storage: VolumePart, seen: Seen) -> dict[str, SharedDiskStatus]:
    active, mounted = storage.active(seen), storage.mounted(seen)
    return {
        name: SharedDiskStatus(
            owner=found.owners.get(storage.group),
            active=name in active,
            mounted=name in mounted,
        )
        for name, found in storage.volumes(seen).items()
    }


def _service(part: ServicePart, seen: Seen) -> ServiceStatus:
    answering = seen.monitor.answering if seen.monitor else frozenset()
    return ServiceStatus(
        name=part.service.name,
        everywhere=part.service.everywhere,
        nodes=part.serving(seen),
        endpoints=tuple(
            EndpointStatus(
                address=address.ip, url=part.url(address.ip), answers=address.ip in answering
            )
            for address in part.service.addresses
        ),
    )

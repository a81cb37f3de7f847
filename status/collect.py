"""Reads all machines of a lab over ssh, in parallel, one round trip each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from core.errors import CommandError
from inventory.model import Inventory, Machine
from inventory.record import LabRecord
from labs.roles import MachineRole
from machines.remote import Remote, RemoteUnreachable
from status.model import (
    AddressStatus,
    LabStatus,
    LinkStatus,
    NodeState,
    NodeStatus,
    Quorum,
    RemedyStatus,
    ResourceStatus,
    ServiceStatus,
)
from status.reading import (
    MonitorReading,
    NodeReading,
    monitor_script,
    node_script,
    parse_monitor,
    parse_node,
    service_url,
)
from status.reasons import FOR_EVER
from status.rules import Readings, judge

CONNECT_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 40.0
"""A reading takes 2 to 5 s in an emulated guest; a machine that lost power never answers."""


def collect(inventory: Inventory, record: LabRecord | None = None) -> LabStatus:
    """Read a lab once and judge it; a machine that cannot be reached is a finding, not an error.

    `record` tells the platform and is None for machines that halab did not make.
    """
    with Observer(inventory, record) as observer:
        return observer.read()


class Observer:
    """Reads a lab again and again over connections that stay open between readings."""

    def __init__(self, inventory: Inventory, record: LabRecord | None = None) -> None:
        self.inventory = inventory
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

    def close(self) -> None:
        """Drop all connections; the next reading makes new ones.

        Worth calling after a power fault: a connection into a dead machine hangs for long.
        """
        for remote in self._remotes.values():
            remote.close()

    def read(self) -> LabStatus:
        """Look at all machines once."""
        return self.read_both()[0]

    def read_both(self) -> tuple[LabStatus, Readings]:
        """Look at all machines once; return the judgement and what it was made from."""
        readings = self.readings()
        return describe(self.inventory, readings, self._record), readings

    def service_answers(self) -> bool:
        """Ask the monitor alone: in an emulated guest that costs a tenth of a whole reading."""
        text = self._ask(self.inventory.monitor)
        return text is not None and parse_monitor(text).http_status == "200"

    def readings(self) -> Readings:
        """Look at all machines once, without a judgement."""
        monitor = self.inventory.monitor
        with ThreadPoolExecutor(max_workers=len(self._remotes)) as pool:
            texts = dict(
                zip(
                    (machine.name for machine in self.inventory.machines),
                    pool.map(self._ask, self.inventory.machines),
                    strict=True,
                )
            )
        nodes: dict[str, NodeReading | None] = {}
        for node in self.inventory.nodes:
            text = texts[node.name]
            nodes[node.name] = None if text is None else parse_node(text)
        outside: MonitorReading | None = None
        if (text := texts[monitor.name]) is not None:
            outside = parse_monitor(text)
        return Readings(nodes=nodes, monitor=outside)

    def _ask(self, machine: Machine) -> str | None:
        of_role = node_script if machine.role is MachineRole.NODE else monitor_script
        remote = self._remotes[machine.name]
        try:
            return remote.run(of_role(self.inventory), timeout=READ_TIMEOUT_S).stdout
        except RemoteUnreachable:
            return None
        except CommandError as error:
            if error.status is not None:
                raise
            remote.close()
            return None


def describe(inventory: Inventory, readings: Readings, record: LabRecord | None) -> LabStatus:
    """Word readings as `status` shows them."""
    names = {node.number: node.name for node in inventory.nodes}
    address = inventory.service.address.ip
    reached = readings.reached
    quorum = readings.speaker.quorum if readings.speaker else None
    found = judge(inventory, readings)
    reasons = tuple(reason.sentence for reason in found if not reason.past)
    outside = readings.monitor
    return LabStatus(
        lab=inventory.lab,
        platform=record.platform if record else None,
        accelerated=record.accelerated if record else None,
        nodes=(
            *(
                NodeStatus(
                    name=node.name,
                    role=node.role,
                    state=readings.state(node.name),
                    boot_id=reached[node.name].boot_id if node.name in reached else None,
                )
                for node in inventory.nodes
            ),
            NodeStatus(
                name=inventory.monitor.name,
                role=MachineRole.MONITOR,
                state=NodeState.ONLINE if outside else NodeState.UNREACHABLE,
                boot_id=outside.boot_id if outside else None,
            ),
        ),
        quorum=Quorum(
            quorate=quorum.quorate,
            votes=quorum.votes,
            expected=quorum.expected,
            qdevice=quorum.qdevice,
        )
        if quorum
        else None,
        dc=readings.cluster.dc if readings.cluster else None,
        links=tuple(
            LinkStatus(
                node=name,
                link=link.number,
                peer=names.get(link.peer, str(link.peer)),
                connected=link.connected,
            )
            for name, node in reached.items()
            for link in node.links
        ),
        resources=tuple(
            ResourceStatus(id=each.id, node=each.node, role=each.role, state=each.state)
            for each in (readings.cluster.instances if readings.cluster else ())
        ),
        replication={name: node.replication for name, node in reached.items() if node.replication},
        addresses=tuple(
            AddressStatus(address=address, node=name)
            for name, node in reached.items()
            if address in node.addresses
        ),
        service=ServiceStatus(
            url=service_url(inventory),
            answers=outside is not None and outside.http_status == "200",
        ),
        healthy=not reasons,
        reasons=reasons,
        history=tuple(reason.sentence for reason in found if reason.past),
        remedies=tuple(
            RemedyStatus(
                reason=reason.sentence,
                command=reason.remedy.paste(inventory.lab),
                warning=reason.remedy.warning,
                by_itself_s=round(reason.lasts_s) if 0 < reason.lasts_s < FOR_EVER else None,
            )
            for reason in found
            if reason.remedy is not None
        ),
    )

"""A healthy two-node lab as its machines would tell it, for tests that break something in it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from inventory.model import Interface, Inventory, Machine, Service, Ssh
from labs.roles import MachineRole, NetworkRole
from status.cib import Deeds
from status.corosync import Link, QuorumView
from status.model import QdeviceState, ReplicationStatus
from status.pacemaker import parse_cluster
from status.reading import MonitorReading, NodeReading
from status.rules import Readings
from status.system import Room, Slot

FIXTURES = Path(__file__).parent / "fixtures" / "status"
ADDRESS = IPv4Address("10.30.0.100")
NODE_UNITS = {unit: "active" for unit in ("corosync", "pacemaker", "sbd", "corosync-qdevice")}


ROOM = Room(free_mib=2500.0, blocks_percent=61.0, inodes_percent=90.0)


def machine(name: str, number: int, role: MachineRole) -> Machine:
    address = IPv4Interface(f"10.10.0.{number}/24")
    return Machine(
        name=name,
        role=role,
        number=number,
        interfaces={NetworkRole.MANAGEMENT: Interface(name="mgmt", address=address)},
        ssh=Ssh(host=str(address.ip), key_file=Path("key"), known_hosts=Path("hosts")),
    )


INVENTORY = Inventory(
    lab="story",
    machines=(
        machine("node1", 1, MachineRole.NODE),
        machine("node2", 2, MachineRole.NODE),
        machine("monitor", 3, MachineRole.MONITOR),
    ),
    service=Service(address=IPv4Interface("10.30.0.100/24")),
)


def healthy_node(number: int) -> NodeReading:
    cluster = parse_cluster((FIXTURES / "crm_mon-healthy.xml").read_text())
    assert cluster is not None
    active = number == 1
    return NodeReading(
        boot_id=f"boot-{number}",
        cluster=cluster,
        quorum=QuorumView(True, 3, 3, QdeviceState.VOTING, frozenset({1, 2})),
        links=(Link(0, 3 - number, True), Link(1, 3 - number, True)),
        replication=ReplicationStatus(
            connection="Connected",
            role="Primary" if active else "Secondary",
            disk="UpToDate",
            peer_disk="UpToDate",
            out_of_sync=0,
        ),
        addresses=frozenset({ADDRESS} if active else ()),
        mounted=active,
        slots=(Slot("node1", "clear"), Slot("node2", "clear")),
        units=NODE_UNITS,
        deeds=Deeds(),
        room=ROOM,
    )


HEALTHY = Readings(
    nodes={"node1": healthy_node(1), "node2": healthy_node(2)},
    monitor=MonitorReading("boot-3", {"corosync-qnetd": "active"}, "200", ROOM),
)

"""Healthy labs as their machines would tell it, for tests that break something in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

from inventory.model import Machine
from inventory.parts import Service, Storage
from labs.roles import MachineRole
from parts.all import Parts
from parts.cluster import Clone, Group, Primitive, Resource
from parts.seen import MonitorSeen, NodeSeen, Seen
from parts.services import galera, haproxy, nfs
from parts.services.nfs import Nfs
from parts.storage import gfs2, replicas, volumes
from status.reading import watched_units
from tests.unit.clustered import agents
from tests.unit.sketched import STORY
from wire.cib import Deeds
from wire.corosync import Link, QdeviceState, QuorumView
from wire.drbd import Device
from wire.nfs import KERNEL
from wire.pacemaker import ClusterView, Instance, Member, Role
from wire.system import Room

FIXTURES = Path(__file__).parent / "fixtures" / "status"
ROOM = Room(free_mib=2500.0, blocks_percent=61.0, inodes_percent=90.0)

PRIMARY = Device("Connected", "Primary", "UpToDate", "UpToDate", 0)
SECONDARY = PRIMARY.replace(role="Secondary")


def healthy(parts: Parts) -> Seen:
    """Return one look at a lab whose services run at home, or else on the first node."""
    inventory, cluster = parts.inventory, cluster_of(parts)
    return Seen(
        nodes={node.name: healthy_node(parts, node, cluster) for node in inventory.nodes},
        monitor=MonitorSeen(
            boot_id="boot-monitor",
            units=dict.fromkeys(watched_units(parts, MachineRole.MONITOR), "active"),
            answering=frozenset(
                address.ip for service in inventory.services for address in service.addresses
            ),
            room=ROOM,
        ),
    )


def healthy_node(parts: Parts, node: Machine, cluster: ClusterView) -> NodeSeen:
    """Return what one node of a healthy lab says."""
    inventory = parts.inventory
    numbers = frozenset(each.number for each in inventory.nodes)
    device = inventory.quorum == "device"
    votes = len(numbers) + device
    used = [each for each in inventory.storage if node.name in places_of_storage(parts, each)]
    disks = {
        each.number: PRIMARY if each in used else SECONDARY
        for each in inventory.storage
        if each.replicated and node in inventory.carriers(each)
    }
    return NodeSeen(
        boot_id=f"boot-{node.name}",
        cluster=cluster,
        quorum=QuorumView(True, votes, votes, QdeviceState.VOTING if device else None, numbers),
        links=tuple(
            Link(n, peer, True) for peer in sorted(numbers - {node.number}) for n in (0, 1)
        ),
        addresses=frozenset(
            address.ip
            for service in inventory.services
            for address in service.addresses
            if node.name
            == (
                inventory.homes(service)[address.ip]
                if service.everywhere
                else place_of(parts, service)
            )
        ),
        mounts={
            each.storage.mount_point: each.device
            for each in parts.storage.values()
            if each.storage in used
        },
        units=dict.fromkeys(watched_units(parts, MachineRole.NODE), "active"),
        deeds=Deeds(),
        room=ROOM,
        told={
            replicas.READING: kernel_text(disks),
            "slots": slots_text({each.name: "clear" for each in inventory.nodes}),
            volumes.READING: volumes_text(
                {
                    each.group: ""
                    if each.storage.together
                    else place_of_storage(parts, each.storage)
                    for each in parts.volumes.values()
                },
                [each.mapped for each in parts.volumes.values() if each.storage in used],
            ),
            gfs2.LOCKS: "".join(
                lockspace_text(name, numbers) for name in ("lvm_global", *parts.cluster_filesystems)
            ),
            galera.READING: server_text(len(numbers)),
            haproxy.READING: servers_text({each.name: "UP" for each in inventory.nodes}),
            nfs.READING: "".join(
                served_text(each)
                for each in parts.file_servers
                if node.name == place_of(parts, each.service)
            ),
        },
    )


def cluster_of(parts: Parts) -> ClusterView:
    """Return how a healthy lab's cluster sees itself: everything runs where it belongs."""
    nodes = [node.name for node in parts.inventory.nodes]
    return ClusterView(
        dc=nodes[1],
        quorate=True,
        fencing_enabled=True,
        maintenance=False,
        members=tuple(Member(name, True, False, False, False, False) for name in nodes),
        instances=tuple(
            instance for each in parts.resources() for instance in _instances(parts, each)
        ),
        bans=(),
        failures=(),
        fail_counts=(),
        fence_events=(),
    )


def _instances(parts: Parts, resource: Resource) -> Iterator[Instance]:
    nodes = [node.name for node in parts.inventory.nodes]
    inventory = parts.inventory
    places = {
        each.group: place_of(parts, each) for each in inventory.services if not each.everywhere
    }
    stores = {each.clone: each for each in parts.inventory.storage}
    match resource:
        case Group():
            for member in resource.members:
                yield running(member.id, places[resource.id])
        case Clone():
            store = stores.get(resource.id)
            if store is None:
                roles = {part.service.group: part.role for part in parts.services.values()}
                role = roles.get(resource.id, Role.STARTED)
                for each in agents(resource):
                    yield from (running(each.id, name, role) for name in nodes)
                return
            for node in parts.inventory.carriers(store):
                used = node.name == place_of_storage(parts, store)
                role = Role.PROMOTED if used else Role.UNPROMOTED
                for each in agents(resource):
                    yield running(each.id, node.name, role)
        case Primitive():
            homes = {
                name: node
                for service in parts.inventory.services
                for name, node in zip(service.address_ids, nodes, strict=False)
            }
            yield running(resource.id, homes[resource.id])


def place_of(parts: Parts, service: Service) -> str:
    """Return the node that a service runs on which runs on one."""
    return parts.inventory.seats[service.name]


def place_of_storage(parts: Parts, storage: Storage) -> str:
    """Return the node that uses some storage which one at a time uses."""
    [user] = [each for each in parts.inventory.services if each.settings.storage == storage.name]
    return place_of(parts, user)


def places_of_storage(parts: Parts, storage: Storage) -> tuple[str, ...]:
    """Return the nodes that use some storage."""
    if storage.together:
        return tuple(node.name for node in parts.inventory.nodes)
    return (place_of_storage(parts, storage),)


def running(resource: str, node: str | None, role: Role = Role.STARTED) -> Instance:
    """Return an instance that is as it should be."""
    return Instance(
        id=resource,
        node=node,
        role=role,
        active=node is not None,
        managed=True,
        pending=False,
        failed=False,
        blocked=False,
        orphaned=False,
    )


def kernel_text(disks: dict[int, Device]) -> str:
    """Return /proc/drbd of a node with these devices, by minor number."""
    lines = [
        f"{number}: cs:{disk.connection} ro:{disk.role}/Unknown ds:{disk.disk}/{disk.peer_disk} C\n"
        f"    ns:0 nr:0 oos:{disk.out_of_sync}\n"
        for number, disk in disks.items()
    ]
    return "version: 8.4.11 (api:1/proto:86-101)\n" + "".join(lines)


def slots_text(messages: dict[str, str]) -> str:
    """Return what `sbd list` prints of slots with these messages, by node."""
    rows = enumerate(messages.items())
    return "".join(f"{number}\t{node}\t{message}\t\n" for number, (node, message) in rows)


def lockspace_text(name: str, members: Iterable[int], waits: str = "") -> str:
    """Return what dlm_tool prints of a lockspace with these members, which waits for something."""
    told = [
        f"name          {name}",
        "id            0x5b1e4a3c",
        "flags         0x00000000 ",
        "change        member 2 joined 1 remove 0 failed 0 seq 2,2",
        f"members       {' '.join(map(str, sorted(members)))} ",
    ]
    if waits:
        told += ["new change    member 1 joined 0 remove 1 failed 1 seq 3,3"]
        told += [f"new status    wait {waits}", "new members   1 "]
    return "".join(f"{line}\n" for line in (*told, ""))


def volumes_text(owners: dict[str, str], active: Iterable[str] = ()) -> str:
    """Return what a node says of volume groups with these owners, and of what it has active."""
    rows = (f"  {group},{owner}\n" for group, owner in owners.items())
    return "".join((*rows, *(f"{name}\n" for name in active)))


def servers_text(states: dict[str, str]) -> str:
    """Return what HAProxy tells of web servers in these states, by node."""
    rows = (f"web,{node},{state}\n" for node, state in states.items())
    return f"# pxname,svname,status\n{''.join(rows)}web,BACKEND,UP\n"


def server_text(size: int, component: str = "Primary", state: str = "Synced") -> str:
    """Return what a server of Galera says that is together with others, itself among them."""
    return (
        f"wsrep_local_state_comment\t{state}\nwsrep_cluster_size\t{size}\n"
        f"wsrep_cluster_status\t{component}\n"
    )


def served_text(part: Nfs, *, threads: int = 16, over: bool = True) -> str:
    """Return what a node says whose kernel serves what it shall; `over`: its grace is."""
    return (
        f"{KERNEL}/threads:{threads}\n{KERNEL}/versions:-3 +4 -4.0 +4.1 +4.2\n"
        f"{KERNEL}/v4_end_grace:{'Y' if over else 'N'}\n"
        "daemon rpc.mountd\ndaemon nfsdcld\n"
        f"export\t{part.folder}\t{part.client}(rw,sync,wdelay,hide,nocrossmnt,secure,fsid=1)\n"
    )


PARTS, INVENTORY, HEALTHY = STORY, STORY.inventory, healthy(STORY)
"""The lab that most tests are about."""

ADDRESS = IPv4Address("10.30.0.100")

NODE_UNITS = dict.fromkeys(watched_units(PARTS, MachineRole.NODE), "active")

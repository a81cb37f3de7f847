"""One look at one machine: the script that reads it all in one round trip, and what it found."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from ipaddress import IPv4Address

from inventory.model import Inventory
from parts.storage.drbd import MOUNT_POINT
from status.cib import COMMAND as CIB_COMMAND
from status.cib import Deeds, parse_deeds
from status.corosync import (
    LINKS_COMMAND,
    QUORUM_COMMAND,
    Link,
    QuorumView,
    parse_links,
    parse_quorum,
)
from status.drbd import parse_drbd
from status.model import ReplicationStatus
from status.pacemaker import COMMAND as CLUSTER_COMMAND
from status.pacemaker import ClusterView, parse_cluster
from status.system import (
    ADDRESSES_COMMAND,
    ROOM_COMMAND,
    Room,
    Slot,
    parse_addresses,
    parse_mounts,
    parse_room,
    parse_slots,
    parse_units,
)

NODE_UNITS = ("corosync", "pacemaker", "sbd", "corosync-qdevice")
MONITOR_UNITS = ("corosync-qnetd",)
MONITORING_UNITS = ("zabbix-server", "zabbix-agent2")

BOOT_ID_COMMAND = "read -r id </proc/sys/kernel/random/boot_id; echo $id"
"""No program, which costs an emulated guest a tenth of a second."""

_MARK = "@@halab"
_TOOL_TIMEOUT_S = 20
"""A daemon that hangs must cost one section, not the whole reading."""


@dataclass(frozen=True)
class NodeReading:
    """What one cluster node says of itself and of the cluster."""

    boot_id: str
    cluster: ClusterView | None
    quorum: QuorumView | None
    links: tuple[Link, ...]
    replication: ReplicationStatus | None
    addresses: frozenset[IPv4Address]
    mounted: bool
    slots: tuple[Slot, ...]
    units: dict[str, str]
    deeds: Deeds
    room: Room | None


@dataclass(frozen=True)
class MonitorReading:
    """What the monitor says of itself, and whether the service answers it."""

    boot_id: str
    units: dict[str, str]
    http_status: str
    room: Room | None


def service_url(inventory: Inventory) -> str:
    """Return the address that clients use."""
    port = "" if inventory.service.port == 80 else f":{inventory.service.port}"
    return f"http://{inventory.service.address.ip}{port}/"


def node_script(inventory: Inventory) -> str:
    """Return the shell text that reads a cluster node.

    Every program costs 0.1 to 1 s in an emulated guest, so the kernel is read by one `cat`.
    """
    limit = f"timeout {_TOOL_TIMEOUT_S}"
    return _script(
        {
            "boot": BOOT_ID_COMMAND,
            "cluster": f"{limit} {CLUSTER_COMMAND}",
            "cib": CIB_COMMAND,
            "quorum": f"{limit} {QUORUM_COMMAND}",
            "links": f"{limit} {LINKS_COMMAND}",
            "replication": "cat /proc/drbd",
            "addresses": ADDRESSES_COMMAND,
            "mounts": "cat /proc/mounts",
            "room": ROOM_COMMAND,
            "slots": f"{limit} sbd -d {shlex.quote(inventory.disks.sbd)} list",
            "units": f"systemctl is-active {shlex.join(NODE_UNITS)}",
        }
    )


def monitor_script(inventory: Inventory) -> str:
    """Return the shell text that reads the monitor."""
    url = shlex.quote(service_url(inventory))
    return _script(
        {
            "boot": BOOT_ID_COMMAND,
            "units": f"systemctl is-active {shlex.join(monitor_units(inventory))}",
            "room": ROOM_COMMAND,
            "service": f"curl -s -o /dev/null -m 5 -w '%{{http_code}}' {url}",
        }
    )


def parse_node(text: str) -> NodeReading:
    """Read the output of `node_script`."""
    found = _sections(text)
    return NodeReading(
        boot_id=found["boot"].strip(),
        cluster=parse_cluster(found["cluster"]),
        quorum=parse_quorum(found["quorum"]),
        links=parse_links(found["links"]),
        replication=parse_drbd(found["replication"]),
        addresses=parse_addresses(found["addresses"]),
        mounted=MOUNT_POINT in parse_mounts(found["mounts"]),
        slots=parse_slots(found["slots"]),
        units=parse_units(found["units"], NODE_UNITS),
        deeds=parse_deeds(found["cib"]),
        room=parse_room(found["room"]),
    )


def parse_monitor(text: str) -> MonitorReading:
    """Read the output of `monitor_script`."""
    found = _sections(text)
    return MonitorReading(
        boot_id=found["boot"].strip(),
        # A lab without monitoring asks for the first of them only.
        units=parse_units(
            found["units"],
            (MONITOR_UNITS + MONITORING_UNITS)[: len(found["units"].split())],
        ),
        http_status=found["service"].strip(),
        room=parse_room(found["room"]),
    )


def monitor_units(inventory: Inventory) -> tuple[str, ...]:
    """Return the services that the monitor runs."""
    return MONITOR_UNITS if inventory.monitoring is None else MONITOR_UNITS + MONITORING_UNITS


def _script(commands: dict[str, str]) -> str:
    lines = [f"echo '{_MARK} {name}'; {command} 2>/dev/null" for name, command in commands.items()]
    # A tool that ends without a newline must not swallow the next mark.
    return "\necho\n".join([*lines, "true"])


def _sections(text: str) -> dict[str, str]:
    parts = re.split(rf"^{_MARK} (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))

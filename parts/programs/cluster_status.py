"""Runs on a cluster node as root: writes how the node and the cluster are, as JSON for Zabbix.

Zabbix's agent reads the file about the node. What concerns the whole cluster is told by its
coordinator alone, while it has quorum: otherwise two halves of a cluster would contradict each
other. Every program that this starts costs an emulated machine a tenth of a second or more.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

from wire.corosync import LINKS_COMMAND, QUORUM_COMMAND, parse_links, parse_quorum
from wire.drbd import KERNEL_FILE, Device, parse_devices
from wire.pacemaker import CLUSTER_COMMAND, Role, parse_cluster
from wire.sbd import parse_slots

# typing itself takes long to load where every module counts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from wire.corosync import Link, QuorumView
    from wire.pacemaker import ClusterView, FenceEvent, Member

TOOL_TIMEOUT_S = 20
"""A daemon that hangs must cost one value, not all of them."""

ATTEMPTS = 3
"""Readings in a row that an event may overtake before the last one has to do."""

FAILED_FENCING_S = 1800
"""For how long a failed fencing of a node that is well is told."""


def votes(quorum: QuorumView, device: bool) -> dict[str, Any]:
    """Word what this node knows of the votes, in a lab with or without a quorum device."""
    told: dict[str, Any] = {
        "quorate": int(quorum.quorate),
        "votes": quorum.votes,
        "expected": quorum.expected,
    }
    return {**told, "qdevice": quorum.qdevice or "absent"} if device else told


def reach(links: Iterable[Link], members: frozenset[int]) -> dict[str, int]:
    """Word the links by number: 0 for one that does not reach a present member.

    A node that is gone is no fault of the links to it.
    """
    told: dict[str, int] = {}
    for link in links:
        reaches = link.connected or link.peer not in members
        told[str(link.number)] = min(int(reaches), told.get(str(link.number), 1))
    return told


def replication(disk: Device) -> dict[str, Any]:
    """Word the replicated disk."""
    return {
        "connection": disk.connection or "none",
        "role": disk.role or "none",
        "disk": disk.disk or "none",
        "peer_disk": disk.peer_disk or "none",
        "out_of_sync": disk.out_of_sync,
    }


def shared(disks: dict[str, list[str]], mounts: str) -> dict[str, dict[str, int]]:
    """Word the disks that all nodes share, each with its device and its mount point."""
    mounted = {line.split()[1] for line in mounts.splitlines() if line.count(" ") >= 2}
    return {
        name: {"attached": int(os.path.exists(disk)), "mounted": int(place in mounted)}
        for name, (disk, place) in disks.items()
    }


def fencing(disk: str) -> dict[str, int]:
    """Word both ways in which a node can be fenced that shares a disk for it."""
    return {
        # It reads every slot, past the page cache.
        "sbd_disk": int(bool(parse_slots(output("sbd", "-d", disk, "list")))),
        "watchdog": int(os.path.exists("/dev/watchdog")),
    }


def read_clock(text: str) -> dict[str, Any]:
    """Read `chronyc -c tracking`: the offset is in seconds, and whether there is a source."""
    fields = text.strip().split(",")
    if len(fields) < 14:
        return {"synchronised": 0, "offset": 0.0}
    return {"synchronised": int(fields[13] != "Not synchronised"), "offset": float(fields[4])}


def serves(view: ClusterView, addresses: dict[str, str]) -> str:
    """Word where clients are served, by the resources that are their addresses.

    Of a single address, its node; of several, which node has which.
    """
    nodes = {name: " and ".join(view.running(name)) for name in addresses}
    if len(addresses) == 1:
        return "".join(nodes.values()) or "none"
    return ", ".join(
        f"{address} on {nodes[name]}" if nodes[name] else f"{address} nowhere"
        for name, address in addresses.items()
    )


def describe(view: ClusterView, settings: dict[str, Any]) -> dict[str, Any]:
    """Word the cluster.

    In the settings, `cable_rule` stands in the ids of the constraints by which services avoid a
    node without its cable, `storage` names what can be promoted, and `servers` what shall run on
    all nodes, and whether that is promoted where it serves.
    """
    instances = view.instances
    # Maintenance makes everything unmanaged and is told as what it is.
    stuck = {
        found.id
        for found in instances
        if found.blocked or not (found.managed or view.rests(found.node))
    }
    uncabled = [ban for ban in view.bans if settings["cable_rule"] in ban.id]
    active = {found.id for found in instances if found.active}
    return {
        "dc": view.dc or "",
        "quorate": view.quorate,
        "served": serves(view, settings["addresses"]),
        "promoted": {name: len(view.running(name, Role.PROMOTED)) for name in settings["storage"]},
        "servers": {
            name: len(view.running(resource, Role.PROMOTED if promoted else Role.STARTED))
            for name, (resource, promoted) in settings["servers"].items()
        },
        "fencing": int(view.fencing_enabled),
        "maintenance": ", ".join(_maintained(view)),
        "failed": ", ".join(f"{c.resource} on {c.node}: {c.count}" for c in view.fail_counts),
        "stopped": ", ".join(sorted({found.id for found in instances} - active)),
        "blocked": ", ".join(sorted(stuck)),
        "bans": ", ".join(
            f"{ban.resource} from {ban.node}" for ban in view.bans if ban not in uncabled
        ),
        "uncabled": ", ".join(sorted({ban.node for ban in uncabled})),
        "fencing_failed": ", ".join(_failed_fencing(view)),
        "members": {member.name: _state(member) for member in view.members},
    }


def _maintained(view: ClusterView) -> Iterator[str]:
    if view.maintenance:
        yield "the cluster"
    for member in view.members:
        if member.maintenance:
            yield member.name


def _failed_fencing(view: ClusterView) -> list[str]:
    """Name the nodes whose newest fencing failed.

    Of a node that is well it is told for a while only: nobody else would ever take it back.
    """
    well = {member.name for member in view.members if _state(member) in ("online", "standby")}
    return [
        event.target
        for event in view.latest_fencing
        if event.status == "failed" and not (event.target in well and _is_old(event))
    ]


def _is_old(event: FenceEvent) -> bool:
    # As in "2026-11-24 00:38:12.104938Z": times of this form compare as text does.
    limit = time.gmtime(time.time() - FAILED_FENCING_S)
    return "" < (event.completed or "") < time.strftime("%Y-%m-%d %H:%M:%S", limit)


def _state(member: Member) -> str:
    if member.unclean:
        return "unclean"
    if not member.online:
        return "offline"
    if member.pending:
        return "pending"
    return "standby" if member.standby else "online"


def output(*command: str) -> str:
    """Return what a tool prints; nothing when it is missing, fails to answer, or hangs."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def content(path: str) -> str:
    """Return what a file holds; nothing when it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def holds(address: str) -> bool:
    """Ask the kernel whether an address is this machine's: nobody else's can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def look(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Look at this node once: what concerns it, and what it thinks of the cluster.

    In the settings, `storage` says which device is a replica: none where the node has none.
    """
    quorum = parse_quorum(output(*QUORUM_COMMAND.split()))
    view = parse_cluster(output(*CLUSTER_COMMAND.split()))
    cluster = describe(view, settings) if view else {}
    if quorum:
        cluster["votes"] = f"{quorum.votes} of {quorum.expected}"
    links = parse_links(output(*LINKS_COMMAND.split()))
    disks = parse_devices(content(KERNEL_FILE)) if settings["storage"] else {}
    held = [address for address in settings["addresses"].values() if holds(address)]
    node = {
        "written": int(time.time()),
        "pacemaker": int(view is not None),
        **(votes(quorum, settings["device"]) if quorum else {}),
        "links": reach(links, quorum.members if quorum else frozenset()),
        **{
            name: replication(disks.get(minor) or Device(connection=""))
            for name, minor in settings["storage"].items()
            if minor is not None
        },
        "shared": shared(settings["shared"], content("/proc/mounts")),
        **(fencing(settings["disk"]) if settings["disk"] else {}),
        "address": int(bool(held)),
        "addresses": ", ".join(held),
        "clock": read_clock(output("chronyc", "-c", "tracking")),
    }
    return node, cluster


def values(settings: dict[str, Any], cluster: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Word the coordinator's view as lines for zabbix_sender: host, key, value."""
    members = cluster["members"]
    told = {name: text for name, text in cluster.items() if name != "members"}
    yield settings["cluster"], "cluster.status", json.dumps(told)
    yield settings["cluster"], "cluster.active", cluster["served"]
    for name, state in sorted(members.items()):
        yield name, "cluster.member", state


def quoted(text: str) -> str:
    """Quote a value as zabbix_sender's input files want it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def tell(settings: dict[str, Any], cluster: dict[str, Any]) -> None:
    """Send the coordinator's view to the Zabbix server."""
    lines = [f"{host} {key} {quoted(value)}\n" for host, key, value in values(settings, cluster)]
    # The server misses what does not arrive, and raises a problem by itself.
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["zabbix_sender", "-c", settings["agent"], "-i", "-"],
            input="".join(lines).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_TIMEOUT_S,
            check=False,
        )


def changed_since(path: str, moment: float) -> bool:
    """Tell whether the cluster reported an event after a moment; the alert agent marks each."""
    try:
        return os.stat(path).st_mtime >= moment
    except OSError:
        return False


def write(path: str, text: str) -> None:
    """Replace a file in one step."""
    draft = path + ".new"
    with open(draft, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, path)


def main() -> None:
    """Look, write, tell; once more when the cluster changed meanwhile.

    A stale view must not overtake what the alert agent has told about the change.
    """
    settings = json.loads(sys.argv[1])
    for _ in range(ATTEMPTS):
        begun = time.time()
        node, cluster = look(settings)
        if not changed_since(settings["events"], begun):
            break
    write(settings["file"], json.dumps(node) + "\n")
    if cluster.get("quorate") and cluster["dc"] == os.uname().nodename:
        tell(settings, cluster)


if __name__ == "__main__":
    main()

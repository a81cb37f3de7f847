"""Runs on a cluster node as root: writes how the node and the cluster are, as JSON for Zabbix.

Zabbix's agent reads the file about the node. What concerns the whole cluster is told by its
coordinator alone, while it has quorum: otherwise two halves of a cluster would contradict each
other. Every program that this starts costs an emulated machine a tenth of a second or more.
"""

from __future__ import annotations

import calendar
import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from xml.etree import ElementTree

# typing itself takes long to load where every module counts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

TOOL_TIMEOUT_S = 20
"""A daemon that hangs must cost one value, not all of them."""

ATTEMPTS = 3
"""Readings in a row that an event may overtake before the last one has to do."""

FAILED_FENCING_S = 1800
"""For how long a failed fencing of a node that is well is told."""

MEMBER = re.compile(r"^\s*([1-9]\d*)\s+\d+\s+(?:(NR|N?A,N?V,N?MW)\s+)?(\S.*)$", re.MULTILINE)
"""A node's line in corosync-quorumtool: id, votes, state of the quorum device, name."""


def read_quorum(text: str) -> dict[str, Any]:
    """Read `corosync-quorumtool -s`; an empty answer says nothing about the quorum."""
    fields = dict(re.findall(r"^([A-Z][\w ]*\w):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))
    if "Quorate" not in fields:
        return {}
    rows = MEMBER.findall(text.partition("Membership information")[2])
    flags = next((flags for _, flags, name in rows if name.endswith("(local)")), "")
    qdevice = "absent" if flags in ("", "NR") else "silent"
    return {
        "quorate": int(fields["Quorate"] == "Yes"),
        "votes": int(fields["Total votes"].split()[0]),
        "expected": int(fields["Expected votes"].split()[0]),
        "qdevice": "voting" if flags.startswith("A,V") else qdevice,
        "members": [int(number) for number, _, _ in rows],
    }


def read_links(text: str, members: list[int]) -> dict[str, int]:
    """Read `corosync-cfgtool -s`: 0 for a link that does not reach a present member.

    A node that is gone is no fault of the links to it.
    """
    links = {}
    for part in re.split(r"^LINK ID ", text, flags=re.MULTILINE)[1:]:
        peers = re.findall(r"^\s*nodeid:\s*(\d+):\s*(\S+)", part, re.MULTILINE)
        lost = [state for number, state in peers if int(number) in members]
        links[part.split()[0]] = int(not any(state == "disconnected" for state in lost))
    return links


def read_drbd(text: str) -> dict[str, Any]:
    """Read our device from /proc/drbd."""
    found = re.search(r"^ *0: (.*(?:\n(?! *\d+: ).*)*)", text, re.MULTILINE)
    fields = dict(re.findall(r"\b(cs|ro|ds|oos):(\S+)", found[1])) if found else {}
    disk, _, peer_disk = fields.get("ds", "none/none").partition("/")
    return {
        "connection": fields.get("cs", "none"),
        "role": fields.get("ro", "none").partition("/")[0],
        "disk": disk,
        "peer_disk": peer_disk,
        "out_of_sync": int(fields.get("oos", "0")),
    }


def read_clock(text: str) -> dict[str, Any]:
    """Read `chronyc -c tracking`: the offset is in seconds, and whether there is a source."""
    fields = text.strip().split(",")
    if len(fields) < 14:
        return {"synchronised": 0, "offset": 0.0}
    return {"synchronised": int(fields[13] != "Not synchronised"), "offset": float(fields[4])}


def read_cluster(text: str, cable_rule: str) -> dict[str, Any]:
    """Read crm_mon's XML; nothing when Pacemaker does not answer.

    `cable_rule` begins the id of the constraint by which the service avoids a node without its
    cable.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return {}
    dc, options = root.find("summary/current_dc"), root.find("summary/cluster_options")
    if dc is None or options is None:
        return {}
    resources = list(root.iterfind("resources//resource"))
    promoted = sorted(
        node.get("name", "")
        for resource in resources
        if resource.get("role") == "Promoted"
        for node in resource.iterfind("node")
    )
    counts = [
        f"{history.get('id')} on {node.get('name')}: {history.get('fail-count')}"
        for node in root.iterfind("node_history/node")
        for history in node.iterfind("resource_history")
        if history.get("fail-count", "0") != "0"
    ]
    active = {resource.get("id", "") for resource in resources if resource.get("active") == "true"}
    every = {resource.get("id", "") for resource in resources}
    bans = list(root.iterfind("bans/ban"))
    uncabled = [ban for ban in bans if ban.get("id", "").startswith(cable_rule)]
    maintained = list(_maintained(root, options))

    def is_stuck(resource: ElementTree.Element) -> bool:
        # Maintenance makes everything unmanaged and is told as what it is.
        unmanaged = resource.get("managed") == "false" and not maintained
        return unmanaged or (resource.get("blocked") == "true")

    return {
        "dc": dc.get("name", ""),
        "quorate": dc.get("with_quorum") == "true",
        "promoted": " ".join(promoted),
        "promoted_count": len(promoted),
        "fencing": int(options.get("stonith-enabled") == "true"),
        "maintenance": ", ".join(maintained),
        "failed": ", ".join(counts),
        "stopped": ", ".join(sorted(every - active)),
        "blocked": ", ".join(sorted({r.get("id", "") for r in resources if is_stuck(r)})),
        "bans": ", ".join(
            f"{ban.get('resource')} from {ban.get('node')}" for ban in bans if ban not in uncabled
        ),
        "uncabled": ", ".join(sorted({ban.get("node", "") for ban in uncabled})),
        "fencing_failed": ", ".join(_failed_fencing(root)),
        "members": {node.get("name"): _state(node) for node in root.iterfind("nodes/node")},
    }


def _maintained(root: ElementTree.Element, options: ElementTree.Element) -> Iterator[str]:
    if options.get("maintenance-mode") == "true":
        yield "the cluster"
    for node in root.iterfind("nodes/node"):
        if node.get("maintenance") == "true":
            yield node.get("name", "")


def _failed_fencing(root: ElementTree.Element) -> list[str]:
    """Name the nodes whose newest fencing failed; crm_mon lists the newest first.

    Of a node that is well it is told for a while only: nobody else would ever take it back.
    """
    newest: dict[str, ElementTree.Element] = {}
    for event in root.iterfind("fence_history/fence_event"):
        newest.setdefault(event.get("target", ""), event)
    well = {
        node.get("name", "")
        for node in root.iterfind("nodes/node")
        if _state(node) in ("online", "standby")
    }
    return [
        target
        for target, event in newest.items()
        if event.get("status") == "failed" and not (target in well and _is_old(event))
    ]


def _is_old(event: ElementTree.Element) -> bool:
    try:
        # As in "2026-11-24 00:38:12.104938Z".
        begun = time.strptime(event.get("completed", "")[:19], "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return False
    return time.time() - calendar.timegm(begun) > FAILED_FENCING_S


def _state(node: ElementTree.Element) -> str:
    if node.get("unclean") == "true":
        return "unclean"
    if node.get("online") != "true":
        return "offline"
    if node.get("pending") == "true":
        return "pending"
    return "standby" if node.get("standby") == "true" else "online"


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


def look(settings: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Look at this node once: what concerns it, and what it thinks of the cluster."""
    quorum = read_quorum(output("corosync-quorumtool", "-s"))
    members = quorum.pop("members", [])
    cluster = read_cluster(
        output(
            "crm_mon",
            "--one-shot",
            "--inactive",
            "--fence-history=3",
            "--output-as=xml",
            "--exclude=operations",
        ),
        settings["cable_rule"],
    )
    if quorum:
        cluster["votes"] = f"{quorum['votes']} of {quorum['expected']}"
    node = {
        "written": int(time.time()),
        "pacemaker": int("dc" in cluster),
        **quorum,
        "links": read_links(output("corosync-cfgtool", "-s"), members),
        "drbd": read_drbd(content("/proc/drbd")),
        # It reads every slot, past the page cache.
        "sbd_disk": int(bool(output("sbd", "-d", settings["disk"], "list").strip())),
        "watchdog": int(os.path.exists("/dev/watchdog")),
        "address": int(holds(settings["address"])),
        "clock": read_clock(output("chronyc", "-c", "tracking")),
    }
    return node, cluster


def values(settings: dict[str, str], cluster: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Word the coordinator's view as lines for zabbix_sender: host, key, value."""
    members = cluster["members"]
    told = {name: text for name, text in cluster.items() if name != "members"}
    yield settings["cluster"], "cluster.status", json.dumps(told)
    yield settings["cluster"], "cluster.active", cluster["promoted"] or "none"
    for name, state in sorted(members.items()):
        yield name, "cluster.member", state


def quoted(text: str) -> str:
    """Quote a value as zabbix_sender's input files want it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def tell(settings: dict[str, str], cluster: dict[str, Any]) -> None:
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

"""What Zabbix and `status` are told of captured outputs stays what it was found to be right.

A change that is meant is written down on purpose, and then read:
`HALAB_GOLDEN=write python -m pytest tests/unit/test_told.py; git diff tests/unit/fixtures`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from parts.monitoring.agent import collector_settings
from parts.seen import NodeSeen, Seen
from status.collect import describe
from status.reading import parse_monitor, parse_node
from tests.unit.collected import FIXTURES, fixture, healthy_tools, load_collector
from tests.unit.healthy_lab import INVENTORY, PARTS

GOLDEN = Path(__file__).parent / "fixtures" / "told.txt"

SECTIONS = {
    "crm_mon": "cluster",
    "corosync-quorumtool": "quorum",
    "corosync-cfgtool": "links",
    "/proc/drbd": "replication",
    "sbd": "slots",
}
"""Where `status` has what the collector asks a tool for."""

PREFIXES = {name.rsplit("/")[-1].removeprefix("corosync-"): name for name in SECTIONS}
"""Whose output a fixture is, by the beginning of its name."""

NODE1, NODE2 = ".//nodes/node[@name='node1']", ".//nodes/node[@name='node2']"
WEB, ON_NODE1, ON_NODE2 = (
    ".//resource[@id='web']",
    ".//resource/node[@name='node1']/..",
    ".//resource/node[@name='node2']/..",
)

CHANGED: dict[str, list[tuple[str, dict[str, str | None]]]] = {
    "a node in standby because of a failure": [(NODE2, {"standby_onfail": "true"})],
    "a node that joins": [(NODE2, {"pending": "true"})],
    "a node in maintenance": [(NODE1, {"maintenance": "true"}), (ON_NODE1, {"managed": "false"})],
    "a node in maintenance, another's resources unmanaged": [
        (NODE1, {"maintenance": "true"}),
        (ON_NODE1, {"managed": "false"}),
        (ON_NODE2, {"managed": "false"}),
    ],
    "a resource that failed to stop": [(WEB, {"failed": "true", "blocked": "true"})],
    "a failed resource that nobody manages": [(WEB, {"failed": "true", "managed": "false"})],
    "a blocked resource that nobody knows": [(WEB, {"orphaned": "true", "blocked": "true"})],
    "a resource that starts": [(WEB, {"active": "false", "role": "Starting", "pending": "Start"})],
    "no coordinator": [
        (".//current_dc", {"present": "false", "name": None, "with_quorum": None, "id": None})
    ],
}
"""Changes of attributes in what crm_mon prints of a healthy cluster, to elements by their path."""

UNCABLED = '<bans><ban id="service-needs-its-cable-rule" resource="service" node="node2"/></bans>'


def cases() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield situations, and what tools print in each: a healthy cluster's tools but for one."""
    yield "healthy", {}
    for path in sorted(FIXTURES.iterdir()):
        tool = PREFIXES.get(path.stem.partition("-")[0])
        if tool and path.stem.partition("-")[2] != "healthy":
            yield path.stem, {tool: path.read_text()}
    for name, changes in CHANGED.items():
        yield name, {"crm_mon": cluster(changes)}
    view = fixture("crm_mon-healthy.xml").replace("<node_history", f"{UNCABLED}<node_history")
    yield "a node without its cable", {"crm_mon": view}
    links = fixture("cfgtool-healthy.txt").replace("\tconnected", "\tunknown", 1)
    yield "a link of which nobody knows", {"corosync-cfgtool": links}
    yield "a fencing disk that cannot be read", {"sbd": "== disk /dev/sbd unreadable!\n"}
    yield "a cluster that does not run", dict.fromkeys(SECTIONS, "")


def cluster(changes: list[tuple[str, dict[str, str | None]]]) -> str:
    root = ElementTree.fromstring(fixture("crm_mon-healthy.xml"))
    for path, attributes in changes:
        assert root.find(path) is not None
        for element in root.iterfind(path):
            for name, value in attributes.items():
                element.attrib.pop(name, None) if value is None else element.set(name, value)
    return ElementTree.tostring(root, encoding="unicode")


def told(printed: dict[str, str]) -> dict[str, Any]:
    """Return what both readers say, by who says it and the key."""
    settings = collector_settings(INVENTORY, INVENTORY.nodes[0])
    node, view = load_collector({**healthy_tools(), **printed}).look(settings)
    status = describe(PARTS, seen(printed), None).model_dump(mode="json")
    # Of the machine that the test runs on.
    for name in ("written", "watchdog", "address", "addresses"):
        del node[name]
    return {
        f"{reader} {key}": value
        for reader, said in (("node", node), ("cluster", view), ("status", status))
        for key, value in said.items()
    }


def seen(printed: dict[str, str]) -> Seen:
    """Return what `status` reads where node1's tools print this, and all agree on the cluster."""
    nodes: dict[str, NodeSeen | None] = {}
    for name in ("node1", "node2"):
        parts = re.split(r"^(@@halab \w+)$", fixture(f"captured-{name}.txt"), flags=re.MULTILINE)
        for tool, text in printed.items():
            if tool != "crm_mon" and name != "node1":
                continue
            parts[parts.index(f"@@halab {SECTIONS[tool]}") + 1] = f"\n{text}\n"
        nodes[name] = parse_node(PARTS, "".join(parts))
    return Seen(nodes=nodes, monitor=parse_monitor(PARTS, fixture("captured-monitor.txt")))


def lines() -> Iterator[str]:
    """Say everything of a healthy cluster, and of the others what differs from that."""
    found = {name: told(printed) for name, printed in cases()}
    for name, said in found.items():
        usual = {} if name == "healthy" else found["healthy"]
        yield f"== {name}"
        for key in sorted(said.keys() | usual.keys()):
            if key not in said:
                yield f"{key} is not said"
            elif key not in usual or said[key] != usual[key]:
                yield f"{key}: {json.dumps(said[key])}"


def test_both_readers_say_what_they_said_before() -> None:
    text = "".join(f"{line}\n" for line in lines())
    if os.environ.get("HALAB_GOLDEN") == "write":
        GOLDEN.write_text(text)
        pytest.skip("written anew")
    assert text.splitlines() == GOLDEN.read_text().splitlines()

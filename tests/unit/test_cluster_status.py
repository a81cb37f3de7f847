"""The collector on a node: what tools print becomes what Zabbix is told."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from parts.addresses import cable
from parts.all import Parts
from parts.monitoring.agent import COLLECTOR, collector_files, collector_settings
from provisioning.zabbix.template import CLUSTER, NODE, compose
from tests.unit.collected import fixture, healthy_tools, load_collector
from tests.unit.sketched import LABS, SHOP, STORY, TRIO, name_of


def settings_of(parts: Parts, node: str = "node1") -> dict[str, Any]:
    """Return what the collector of a node is told."""
    return collector_settings(parts.inventory, parts.inventory.machine(node))


SETTINGS = settings_of(STORY)
EVERYWHERE = settings_of(TRIO)
SEVERAL = settings_of(SHOP)

LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
exec(open(sys.argv[1] + "/__main__.py").read(), {"__name__": "collector"})
print(*sys.modules)
"""
"""What the folder in the first argument loads before it does anything."""


@pytest.fixture
def tools() -> dict[str, str]:
    """What each tool prints; a healthy node to begin with."""
    return healthy_tools()


@pytest.fixture
def collector(tools: dict[str, str]) -> ModuleType:
    return load_collector(tools)


def look(
    collector: ModuleType, settings: dict[str, Any] = SETTINGS
) -> tuple[dict[str, Any], dict[str, Any]]:
    node, cluster = collector.look(settings)
    return node, cluster


def running(**where: str) -> str:
    """Return what crm_mon prints of a healthy cluster that runs these as well, on which nodes."""
    found = "".join(
        f'<resource id="{name.replace("_", "-")}" role="Started" active="true" managed="true">'
        f'<node name="{node}"/></resource>'
        for name, node in where.items()
    )
    return fixture("crm_mon-healthy.xml").replace("<resources>", f"<resources>{found}")


def test_a_healthy_node(collector: ModuleType, tools: dict[str, str]) -> None:
    node, cluster = look(collector)
    assert (node["quorate"], node["votes"], node["qdevice"]) == (1, 3, "voting")
    assert node["links"] == {"0": 1, "1": 1}
    assert node["drbd"]["connection"] == "Connected"
    assert (node["pacemaker"], node["sbd_disk"]) == (1, 1)
    assert node["clock"] == {"synchronised": 1, "offset": 0.000012}
    assert (cluster["served"], cluster["promoted"]) == ("node1", {"drbd": 1})
    troubles = ("maintenance", "failed", "stopped", "blocked", "bans", "fencing_failed", "uncabled")
    assert [cluster[name] for name in troubles] == [""] * 7


@pytest.mark.parametrize("parts", LABS, ids=name_of)
def test_every_value_that_is_watched_is_collected_and_no_other(
    collector: ModuleType, tools: dict[str, str], parts: Parts
) -> None:
    looks = [look(collector, settings_of(parts, node.name)) for node in parts.inventory.nodes]
    # Of storage that not all nodes have, some node tells.
    left = {
        NODE: {path for node, _ in looks for path in paths(node)},
        CLUSTER: set(paths(looks[0][1])),
    }
    for template in compose(parts)["templates"]:
        for item in template["items"]:
            if "master_item" in item:
                path = item["preprocessing"][0]["parameters"][0]
                left[template["template"]].remove(path.replace("['", ".").replace("']", ""))
    # The address stands there in words and as a number. The others are not for an item to show.
    assert left[NODE] <= {"$.address", "$.addresses"}
    members = {path for path in left[CLUSTER] if path.startswith("$.members.")}
    assert left[CLUSTER] == {"$.quorate", "$.served", *members}


def paths(values: dict[str, Any], above: str = "$") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from paths(value, f"{above}.{name}")
        else:
            yield f"{above}.{name}"


def test_a_lab_tells_nothing_of_what_it_does_not_have(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    tools["corosync-quorumtool"] = fixture("quorumtool-majority.txt")
    node, cluster = look(collector, EVERYWHERE)
    assert (node["quorate"], node["votes"]) == (1, 3)
    assert not {"drbd", "qdevice"} & node.keys()
    assert cluster["promoted"] == {}


def test_each_storage_is_told_by_itself(collector: ModuleType, tools: dict[str, str]) -> None:
    tools["/proc/drbd"] = fixture("drbd-several.txt")
    node, cluster = look(collector, SEVERAL)
    assert (node["drbd"]["connection"], node["drbd"]["role"]) == ("Connected", "Primary")
    assert (node["ledger-drbd"]["connection"], node["ledger-drbd"]["out_of_sync"]) == (
        "SyncTarget",
        190464,
    )
    assert cluster["promoted"] == {"drbd": 1, "ledger-drbd": 0}


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (
            {"address_1": "node1", "address_2": "node2", "address_3": "node3"},
            "10.30.0.100 on node1, 10.30.0.101 on node2, 10.30.0.102 on node3",
        ),
        (
            {"address_1": "node2", "address_2": "node2"},
            "10.30.0.100 on node2, 10.30.0.101 on node2, 10.30.0.102 nowhere",
        ),
    ],
)
def test_of_several_addresses_it_is_told_which_node_has_which(
    collector: ModuleType, tools: dict[str, str], where: dict[str, str], told: str
) -> None:
    tools["crm_mon"] = running(**where)
    lines = collector.values(EVERYWHERE, look(collector, EVERYWHERE)[1])
    assert ("trio.cluster", "cluster.active", told) in lines


def test_a_node_tells_the_addresses_that_its_kernel_has(
    collector: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "holds", lambda address: address == "10.30.0.101")
    node = look(collector, EVERYWHERE)[0]
    assert (node["address"], node["addresses"]) == (1, "10.30.0.101")
    assert look(collector)[0]["address"] == 0


def test_a_node_without_a_cluster_still_tells(collector: ModuleType, tools: dict[str, str]) -> None:
    for tool in ("corosync-quorumtool", "corosync-cfgtool", "crm_mon", "sbd", "chronyc"):
        tools[tool] = ""
    node, cluster = look(collector)
    assert (node["pacemaker"], node["sbd_disk"]) == (0, 0)
    assert "quorate" not in node
    assert node["clock"]["synchronised"] == 0
    assert cluster == {}


def test_links_to_a_node_that_is_gone_are_no_fault(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    tools["corosync-cfgtool"] = fixture("cfgtool-link1_down.txt")
    assert look(collector)[0]["links"] == {"0": 1, "1": 0}
    tools["corosync-quorumtool"] = fixture("quorumtool-alone.txt")
    assert look(collector)[0]["links"] == {"0": 1, "1": 1}


def test_what_serves_on_all_nodes_is_counted_where_clients_are_served(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    # Of a resource that is promoted on one of two nodes, the other is no server.
    servers = {"pages": ["web", False], "data": ["drbd", True], "none": ["cache", False]}
    found = look(collector, {**SETTINGS, "servers": servers})[1]
    assert found["servers"] == {"pages": 1, "data": 1, "none": 0}
    assert look(collector, EVERYWHERE)[1]["servers"].keys() == {"web"}


def test_a_missing_service_cable_is_told_as_what_it_is(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    rule = cable.rule("service")
    ban = f'<bans><ban id="{rule}-rule" resource="service" node="node2" weight="-1000"/>'
    tools["crm_mon"] = fixture("crm_mon-banned.xml").replace("<bans>", ban)
    cluster = look(collector)[1]
    assert (cluster["uncabled"], cluster["bans"]) == ("node2", "replication from node1")


@pytest.mark.parametrize(
    ("captured", "key", "value"),
    [
        ("crm_mon-failed_web.xml", "failed", "web on node1: 1"),
        ("crm_mon-banned.xml", "bans", "replication from node1"),
        ("crm_mon-banned.xml", "stopped", "address, filesystem, web"),
        ("crm_mon-banned.xml", "promoted", {"drbd": 0}),
        ("crm_mon-banned.xml", "served", "none"),
        ("crm_mon-maintenance.xml", "maintenance", "the cluster"),
        ("crm_mon-maintenance.xml", "fencing", 0),
        ("crm_mon-unclean.xml", "members", {"node1": "online", "node2": "unclean"}),
        ("crm_mon-standby.xml", "members", {"node1": "online", "node2": "standby"}),
    ],
)
def test_what_is_wrong_with_a_cluster_is_told(
    collector: ModuleType, tools: dict[str, str], captured: str, key: str, value: object
) -> None:
    tools["crm_mon"] = fixture(captured)
    assert look(collector)[1][key] == value


def test_values_survive_their_way_through_the_sender(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    lines = list(collector.values(SETTINGS, look(collector)[1]))
    assert ("story.cluster", "cluster.active", "node1") in lines
    assert ("node2", "cluster.member", "online") in lines
    text = next(value for _, key, value in lines if key == "cluster.status")
    assert json.loads(text)["dc"] == "node2"
    assert collector.quoted('say "hi" \\ bye') == '"say \\"hi\\" \\\\ bye"'


@pytest.mark.parametrize(("host", "tells"), [("node2", True), ("node1", False)])
def test_only_the_coordinator_speaks_for_the_cluster(
    collector: ModuleType,
    tools: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    host: str,
    tells: bool,
) -> None:
    said: list[object] = []
    monkeypatch.setattr(collector, "tell", lambda _, cluster: said.append(cluster))
    monkeypatch.setattr(collector.os, "uname", lambda: type("U", (), {"nodename": host}))
    settings = {**SETTINGS, "file": str(tmp_path / "s.json"), "events": str(tmp_path / "event")}
    monkeypatch.setattr(sys, "argv", ["x", json.dumps(settings)])
    collector.main()
    assert bool(said) is tells
    assert json.loads((tmp_path / "s.json").read_text())["quorate"] == 1


def test_a_view_that_an_event_overtook_is_taken_again(
    collector: ModuleType,
    tools: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    event, looks = tmp_path / "event", 0
    honest = collector.look

    def look_while_something_happens(settings: dict[str, str]) -> object:
        nonlocal looks
        looks += 1
        if looks == 1:
            event.touch()
        return honest(settings)

    monkeypatch.setattr(collector, "look", look_while_something_happens)
    monkeypatch.setattr(
        collector, "changed_since", lambda path, moment: looks == 1 and Path(path).exists()
    )
    settings = {**SETTINGS, "file": str(tmp_path / "s.json"), "events": str(event)}
    monkeypatch.setattr(sys, "argv", ["x", json.dumps(settings)])
    monkeypatch.setattr(collector, "tell", lambda *_: None)
    collector.main()
    assert looks == 2


@pytest.mark.parametrize(("completed", "told"), [("2026-11-24 00:38:12.1Z", ""), (None, "node2")])
def test_a_failed_fencing_of_a_node_that_is_well_is_no_problem_for_ever(
    collector: ModuleType, tools: dict[str, str], completed: str | None, told: str
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    at = completed or f"{now:%Y-%m-%d %H:%M:%S.%fZ}"
    history = (
        '<fence_history><fence_event target="node2" action="reboot" status="failed" '
        f'completed="{at}"/></fence_history></pacemaker-result>'
    )
    text = fixture("crm_mon-healthy.xml")
    tools["crm_mon"] = text.replace("</pacemaker-result>", history)
    assert look(collector)[1]["fencing_failed"] == told


class TestDelivered:
    """The files that a node gets, run as its timer runs them."""

    @pytest.fixture
    def library(self, tmp_path: Path) -> Path:
        for file in collector_files():
            path = tmp_path / file.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        return tmp_path / COLLECTOR.lstrip("/")

    def test_a_node_gets_all_that_the_collector_needs(
        self, library: Path, tools: dict[str, str], tmp_path: Path
    ) -> None:
        for tool, text in tools.items():
            if not tool.startswith("/"):
                program = tmp_path / tool
                program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
                program.chmod(0o755)
        told = {**SETTINGS, "file": str(tmp_path / "s.json"), "events": str(tmp_path / "event")}
        subprocess.run(
            [sys.executable, "-I", "-S", str(library), json.dumps(told)],
            check=True,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        )
        node = json.loads((tmp_path / "s.json").read_text())
        assert (node["pacemaker"], node["qdevice"], node["sbd_disk"]) == (1, "voting", 1)
        assert node["links"] == {"0": 1, "1": 1}
        # What was compiled is kept, of the collector itself and of all that it imports.
        sources = {path.stem for path in library.rglob("*.py")}
        assert {path.name.partition(".")[0] for path in library.rglob("*.pyc")} == sources

    def test_the_collector_loads_nothing_dear(self, library: Path) -> None:
        loaded = subprocess.run(
            [sys.executable, "-I", "-S", "-c", LOADED, str(library)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        assert "wire.pacemaker" in loaded
        assert not {"dataclasses", "inspect", "typing", "ipaddress", "calendar"} & {*loaded}

"""The collector on a node: what tools print becomes what Zabbix is told."""

from __future__ import annotations

import datetime
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from parts.addresses import cable
from provisioning.zabbix.agent import collector_settings
from provisioning.zabbix.configuration import template
from tests.unit.provisioned_lab import inventory

FIXTURES = Path(__file__).parent / "fixtures" / "status"
SETTINGS = collector_settings(inventory())


def fixture(name: str) -> str:
    return (FIXTURES / name).read_text()


@pytest.fixture
def collector() -> ModuleType:
    path = Path(__file__).parents[2] / "provisioning" / "files" / "cluster_status.py"
    spec = importlib.util.spec_from_file_location("cluster_status", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tools(collector: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each tool prints; a healthy node to begin with."""
    printed = {
        "corosync-quorumtool": fixture("quorumtool-healthy.txt"),
        "corosync-cfgtool": fixture("cfgtool-healthy.txt"),
        "crm_mon": fixture("crm_mon-healthy.xml"),
        "sbd": fixture("sbd-healthy.txt"),
        "chronyc": ",".join(
            ["0A0A0003", "10.10.0.3", "9", "1.1", "0.000012", *"000000000"[:8], "Normal"]
        ),
        "/proc/drbd": fixture("drbd-healthy.txt"),
    }
    monkeypatch.setattr(collector, "output", lambda tool, *_: printed[tool])
    monkeypatch.setattr(collector, "content", lambda path: printed[path])
    return printed


def look(collector: ModuleType) -> tuple[dict[str, Any], dict[str, Any]]:
    node, cluster = collector.look(SETTINGS)
    return node, cluster


def test_a_healthy_node(collector: ModuleType, tools: dict[str, str]) -> None:
    node, cluster = look(collector)
    assert (node["quorate"], node["votes"], node["qdevice"]) == (1, 3, "voting")
    assert node["links"] == {"0": 1, "1": 1}
    assert node["drbd"]["connection"] == "Connected"
    assert (node["pacemaker"], node["sbd_disk"]) == (1, 1)
    assert node["clock"] == {"synchronised": 1, "offset": 0.000012}
    assert (cluster["promoted"], cluster["promoted_count"]) == ("node1", 1)
    troubles = ("maintenance", "failed", "stopped", "blocked", "bans", "fencing_failed", "uncabled")
    assert [cluster[name] for name in troubles] == [""] * 7


def test_every_value_of_the_template_is_collected(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    node, cluster = look(collector)
    told = {key: value for key, value in cluster.items() if key != "members"}
    for entry in yaml.safe_load(template())["zabbix_export"]["templates"]:
        for item in entry["items"]:
            if "master_item" not in item:
                continue
            source = told if item["master_item"]["key"] == "cluster.status" else node
            value: Any = source
            path = item["preprocessing"][0]["parameters"][0]
            for part in path.removeprefix("$.").replace("['", ".").replace("']", "").split("."):
                value = value[part]
            assert value is not None, path


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


def test_a_missing_service_cable_is_told_as_what_it_is(
    collector: ModuleType, tools: dict[str, str]
) -> None:
    ban = f'<bans><ban id="{cable.RULE}-rule" resource="service" node="node2" weight="-1000"/>'
    tools["crm_mon"] = fixture("crm_mon-banned.xml").replace("<bans>", ban)
    cluster = look(collector)[1]
    assert (cluster["uncabled"], cluster["bans"]) == ("node2", "replication from node1")


@pytest.mark.parametrize(
    ("captured", "key", "value"),
    [
        ("crm_mon-failed_web.xml", "failed", "web on node1: 1"),
        ("crm_mon-banned.xml", "bans", "replication from node1"),
        ("crm_mon-banned.xml", "stopped", "address, filesystem, web"),
        ("crm_mon-banned.xml", "promoted_count", 0),
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
    assert ("demo.cluster", "cluster.active", "node1") in lines
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
    collector: ModuleType, completed: str | None, told: str
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    at = completed or f"{now:%Y-%m-%d %H:%M:%S.%fZ}"
    history = (
        '<fence_history><fence_event target="node2" action="reboot" status="failed" '
        f'completed="{at}"/></fence_history></pacemaker-result>'
    )
    text = fixture("crm_mon-healthy.xml")
    found = collector.read_cluster(text.replace("</pacemaker-result>", history), cable.RULE)
    assert found["fencing_failed"] == told

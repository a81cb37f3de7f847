"""Fencing: poison pills on the shared disk, a hardware watchdog, and Pacemaker that uses them."""

from __future__ import annotations

import re

import pytest

from inventory.model import Inventory
from parts.all import Parts
from parts.fencing.base import PRIMITIVE
from parts.fencing.sbd import AGENT, parse_dump, wanted
from parts.seen import Seen
from tests.state.conftest import Inspected
from wire.sbd import parse_slots

pytestmark = pytest.mark.needs("sbd")


def test_the_disk_holds_the_defined_timeouts(node: Inspected, inventory: Inventory) -> None:
    assert parse_dump(node.output(f"sbd -d {inventory.fencing_disk} dump")) == wanted(inventory)


def test_every_node_has_a_clear_slot(node: Inspected, inventory: Inventory) -> None:
    listed = node.output(f"sbd -d {inventory.fencing_disk} list")
    slots = {line.split("\t")[1]: line.split("\t")[2] for line in listed.splitlines()}
    assert slots == {node.name: "clear" for node in inventory.nodes}


def test_the_nodes_share_one_disk(seen: Seen) -> None:
    slots = {parse_slots(node.told["slots"]) for node in seen.reached.values()}
    assert len(slots) == 1


def test_sbd_watches_this_disk(node: Inspected, inventory: Inventory) -> None:
    watchers = node.output("ps -eo args")
    assert f"sbd: watcher: {inventory.fencing_disk}" in watchers
    assert "sbd: watcher: Pacemaker" in watchers
    assert "sbd: watcher: Cluster" in watchers


def test_sbd_holds_the_hardware_watchdog(node: Inspected, inventory: Inventory) -> None:
    folder = "/sys/class/watchdog/watchdog0"
    assert "i6300ESB" in node.output(f"cat {folder}/identity")
    assert node.output(f"cat {folder}/state").strip() == "active"
    assert int(node.output(f"cat {folder}/timeout")) == inventory.timing.watchdog_s
    holders = node.output(
        "find /proc/[0-9]*/fd -lname '/dev/watchdog*' 2>/dev/null | cut -d/ -f3 |"
        " xargs -r ps -o comm= -p"
    )
    assert set(holders.split()) == {"sbd"}


def test_pacemaker_fences_through_this_disk(node: Inspected, inventory: Inventory) -> None:
    options = node.output("crm_attribute --type crm_config --name stonith-enabled --query --quiet")
    assert options.strip() == "true"
    for target in inventory.nodes:
        capable = node.output(f"stonith_admin --list {target.name}")
        assert re.search(rf"^\s*{PRIMITIVE}\b", capable, re.MULTILINE), capable


def test_the_agent_has_its_description_ready(node: Inspected) -> None:
    kept = node.output(f"{AGENT.path} --action=metadata")
    assert kept == node.output(f"{AGENT.packaged} --action=metadata")


@pytest.mark.needs("two-node")
def test_who_has_less_to_lose_waits_before_it_fences(node: Inspected, parts: Parts) -> None:
    name = "priority-fencing-delay"
    asked = f"crm_attribute --type crm_config --name {name} --query --quiet"
    assert node.output(asked).strip() == parts.quorum.properties()[name]
    for resource, priority in parts.quorum.priorities().items():
        words = f"--resource {resource} --meta --get-parameter priority"
        assert node.output(f"crm_resource {words}").strip() == str(priority)


def test_nothing_was_fenced_in_vain(seen: Seen) -> None:
    assert seen.cluster is not None
    bad = [event for event in seen.cluster.fence_events if event.status != "success"]
    assert bad == []

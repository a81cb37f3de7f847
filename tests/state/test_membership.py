"""Membership: both links, and all votes, those of a quorum device among them."""

from __future__ import annotations

import pytest

from inventory.model import Inventory
from parts.seen import NodeState, Seen
from status.model import LabStatus
from tests.state.conftest import Inspected
from wire.corosync import QdeviceState


def test_the_lab_is_healthy(status: LabStatus) -> None:
    assert status.reasons == ()


def test_every_machine_is_online(status: LabStatus) -> None:
    assert {
        node.name: node.state for node in status.nodes if node.state is not NodeState.ONLINE
    } == {}


def test_every_node_sees_both_links_to_every_other(status: LabStatus, inventory: Inventory) -> None:
    names = [node.name for node in inventory.nodes]
    expected = {(a, link, b) for a in names for b in names for link in (0, 1) if a != b}
    assert {
        (link.node, link.link, link.peer) for link in status.links if link.connected
    } == expected


def test_every_node_counts_every_vote(seen: Seen, inventory: Inventory) -> None:
    device = inventory.quorum == "device"
    for name, node in seen.reached.items():
        assert node.quorum is not None, name
        assert node.quorum.quorate, name
        assert node.quorum.votes == node.quorum.expected == len(inventory.nodes) + device, name
        assert node.quorum.qdevice is (QdeviceState.VOTING if device else None), name
        assert node.quorum.members == {node.number for node in inventory.nodes}, name


@pytest.mark.needs("two-node")
def test_either_node_may_go_on_once_it_has_seen_the_other(node: Inspected) -> None:
    values = _told(node, "runtime.votequorum.")
    assert values["runtime.votequorum.two_node"] == "1"
    assert values["runtime.votequorum.wait_for_all_status"] == "0"
    assert {"2Node", "WaitForAll"} <= set(node.output("corosync-quorumtool -s").split())


@pytest.mark.needs("device")
def test_the_quorum_device_knows_every_node(monitor: Inspected, inventory: Inventory) -> None:
    told = monitor.output("corosync-qnetd-tool -l")
    assert f'Cluster "{inventory.lab}"' in told
    assert "Algorithm:\t\tFifty-Fifty split" in told
    for node in inventory.nodes:
        assert f"Node ID {node.number}:" in told


def test_links_are_encrypted_and_timed_as_defined(node: Inspected, inventory: Inventory) -> None:
    values = _told(node, "totem. runtime.config.totem.")
    timing = inventory.timing
    assert values["totem.crypto_cipher"] == "aes256"
    assert values["totem.crypto_hash"] == "sha256"
    assert values["runtime.config.totem.token"] == str(timing.token_ms)
    assert values["runtime.config.totem.consensus"] == str(timing.consensus_ms)


@pytest.mark.needs("device")
def test_the_quorum_device_is_encrypted_and_timed_as_defined(
    node: Inspected, inventory: Inventory
) -> None:
    values = _told(node, "quorum.device.")
    assert values["quorum.device.sync_timeout"] == str(inventory.timing.sync_timeout_ms)
    assert values["quorum.device.net.tls"] == "required"


def test_the_membership_key_is_secret(node: Inspected) -> None:
    key = node.host.file("/etc/corosync/authkey")
    assert (key.user, key.mode) == ("root", 0o400)


def _told(node: Inspected, keys: str) -> dict[str, str]:
    """Return what a node's corosync runs with, by keys that begin like this."""
    lines = node.output(f"corosync-cmapctl {keys}").splitlines()
    pairs = (line.split(" = ", 1) for line in lines if " = " in line)
    return {key.split(" (")[0]: value for key, value in pairs}

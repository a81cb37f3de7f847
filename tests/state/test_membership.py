"""Membership: both links, all votes, the quorum device among them."""

from __future__ import annotations

from inventory.model import Inventory
from status.model import LabStatus, NodeState, QdeviceState
from status.rules import Readings
from tests.state.conftest import Inspected


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


def test_every_node_counts_every_vote(readings: Readings, inventory: Inventory) -> None:
    for name, reading in readings.reached.items():
        assert reading.quorum is not None, name
        assert reading.quorum.quorate, name
        assert reading.quorum.votes == reading.quorum.expected == len(inventory.nodes) + 1, name
        assert reading.quorum.qdevice is QdeviceState.VOTING, name
        assert reading.quorum.members == {node.number for node in inventory.nodes}, name


def test_the_quorum_device_knows_both_nodes(monitor: Inspected, inventory: Inventory) -> None:
    told = monitor.output("corosync-qnetd-tool -l")
    assert f'Cluster "{inventory.lab}"' in told
    assert "Algorithm:\t\tFifty-Fifty split" in told
    for node in inventory.nodes:
        assert f"Node ID {node.number}:" in told


def test_links_are_encrypted_and_timed_as_defined(node: Inspected, inventory: Inventory) -> None:
    told = node.output("corosync-cmapctl totem. runtime.config.totem. quorum.device.")
    values = dict(
        (line.split(" (")[0], line.split(" = ", 1)[1])
        for line in told.splitlines()
        if " = " in line
    )
    timing = inventory.timing
    assert values["totem.crypto_cipher"] == "aes256"
    assert values["totem.crypto_hash"] == "sha256"
    assert values["runtime.config.totem.token"] == str(timing.token_ms)
    assert values["runtime.config.totem.consensus"] == str(timing.consensus_ms)
    assert values["quorum.device.sync_timeout"] == str(timing.sync_timeout_ms)
    assert values["quorum.device.net.tls"] == "required"


def test_the_membership_key_is_secret(node: Inspected) -> None:
    key = node.host.file("/etc/corosync/authkey")
    assert (key.user, key.mode) == ("root", 0o400)

"""Replication: both disks in step, fencing on the level of the data, the corrected handler."""

from __future__ import annotations

import re
import time

import pytest

from inventory.model import Inventory
from labs.roles import NetworkRole
from status.model import LabStatus
from status.pacemaker import COMMAND, parse_cluster
from tests.state.conftest import Inspected

PEER_REACHABLE = 4
"""What a fence-peer handler returns when a constraint now keeps a living peer from promotion."""


def test_both_disks_are_in_step(status: LabStatus, inventory: Inventory) -> None:
    assert set(status.replication) == {node.name for node in inventory.nodes}
    for disk in status.replication.values():
        assert (disk.connection, disk.disk, disk.peer_disk, disk.out_of_sync) == (
            "Connected",
            "UpToDate",
            "UpToDate",
            0,
        )
    assert sorted(disk.role for disk in status.replication.values()) == ["Primary", "Secondary"]


def test_the_kernel_runs_with_what_protects_the_data(node: Inspected) -> None:
    shown = node.output("drbdsetup show 0")
    assert "resource-and-stonith" in shown
    assert re.search(r"on-io-error\s+detach", shown)
    configured = node.output("drbdadm dump r0")
    assert re.search(r"protocol\s+C;", configured)
    assert re.search(r"cram-hmac-alg\s+sha256;", configured)


def test_it_runs_over_the_replication_network(node: Inspected, inventory: Inventory) -> None:
    shown = node.output("drbdsetup show 0")
    for machine in inventory.nodes:
        address = machine.interfaces[NetworkRole.REPLICATION].address.ip
        assert f"{address}:7788" in shown


def test_its_secret_is_readable_for_root_alone(node: Inspected) -> None:
    file = node.host.file("/etc/drbd.d/r0.res")
    assert (file.user, file.mode & 0o077) == ("root", 0)


def test_the_module_is_drbd_8_4(node: Inspected) -> None:
    assert node.output("cat /sys/module/drbd/version").startswith("8.4.")


def test_the_handler_is_the_corrected_one(node: Inspected) -> None:
    handler = _handler(node)
    text = node.output(f"cat {handler}")
    # The stock script takes the state of the controller for the one of the join.
    assert not re.search(r"^\s*\[\[ \$crmd = \"banned\" \]\]", text, re.MULTILINE)
    assert re.search(r"\$join = \"banned\"", text)


def test_the_handler_judges_a_living_peer_at_once(active: Inspected, inventory: Inventory) -> None:
    """The stock script waits for 90 s and gives up; what it does here is undone by its partner."""
    if _bans(active):
        pytest.fail("a constraint of the handler was there before")
    begun = time.monotonic()
    try:
        # The kernel calls drbdadm the same way.
        done = active.host.run("drbdadm fence-peer minor-0")
        took = time.monotonic() - begun
        bans = _bans(active)
    finally:
        active.host.run(f"DRBD_RESOURCE=r0 {_handler(active, 'after-resync-target')}")
    assert done.rc == PEER_REACHABLE, done.stderr
    assert took < 5 * inventory.timing.pace
    assert len(bans) == 1 and bans[0].startswith("drbd-fence-by-handler")
    assert _bans(active) == []


def _handler(node: Inspected, event: str = "fence-peer") -> str:
    found = re.search(rf'{event}\s+"?(\S+?)[\s";]', node.output("drbdadm dump r0"))
    assert found, f"no {event} handler"
    return found[1]


def _bans(node: Inspected) -> list[str]:
    cluster = parse_cluster(node.output(COMMAND))
    assert cluster is not None
    return [ban.id for ban in cluster.bans]

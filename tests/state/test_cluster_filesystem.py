"""A filesystem that all nodes use at once: each reads what another writes, locks are granted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory.model import Inventory
from labs.tables.machines import MOST_NODES
from parts.storage.gfs2 import CHECK, Gfs2
from status.model import LabStatus
from tests.state.conftest import Inspected
from wire.dlm import COMMAND, parse_lockspaces

pytestmark = pytest.mark.needs("gfs2")


def test_each_node_reads_at_once_what_another_has_written(
    inventory: Inventory, cluster_filesystem: Gfs2, visit: Callable[[str], Inspected]
) -> None:
    place = cluster_filesystem.storage.mount_point
    for writer in inventory.nodes:
        note = f"{place}/.halab-test-{writer.name}"
        visit(writer.name).output(f"echo from {writer.name} >{note}")
        for reader in inventory.nodes:
            told = visit(reader.name).output(f"cat {note}").strip()
            assert told == f"from {writer.name}", reader.name
        visit(inventory.nodes[-1].name).output(f"rm {note}")
        assert not visit(writer.name).host.file(note).exists


def test_all_nodes_are_in_every_lockspace_and_wait_for_nothing(
    inventory: Inventory, cluster_filesystem: Gfs2, node: Inspected
) -> None:
    everybody = frozenset(each.number for each in inventory.nodes)
    found = parse_lockspaces(node.output(COMMAND))
    assert cluster_filesystem.storage.name in found
    assert {(each.members, each.waits) for each in found.values()} == {(everybody, None)}


def test_the_lock_manager_has_an_address_on_each_link(node: Inspected) -> None:
    assert node.output("cat /sys/kernel/config/dlm/cluster/protocol").strip() == "1"
    places = "/sys/kernel/config/dlm/cluster/comms/*/addr_list"
    counts = node.output(f"for each in {places}; do wc -l <$each; done").split()
    assert set(counts) == {"2"}


def test_the_lock_manager_can_hear_of_fencing(node: Inspected) -> None:
    node.output(CHECK)


def test_there_is_a_journal_for_every_node_that_may_come(
    cluster_filesystem: Gfs2, node: Inspected
) -> None:
    told = node.output(f"gfs2_edit -p journals {cluster_filesystem.device}")
    assert len([line for line in told.splitlines() if line.startswith("journal")]) == MOST_NODES


def test_the_state_of_each_node_is_told(
    status: LabStatus, inventory: Inventory, cluster_filesystem: Gfs2
) -> None:
    found = status.shared_disks[cluster_filesystem.storage.name]
    assert {name: (each.owner, each.active, each.mounted) for name, each in found.items()} == {
        node.name: ("", True, True) for node in inventory.nodes
    }

"""A disk that all nodes share: everybody reads whose it is, and LVM keeps it from the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory.model import Inventory
from parts.storage.shared import SharedDisk
from status.model import LabStatus
from tests.state.conftest import Inspected

pytestmark = pytest.mark.needs("shared-disk")


def test_all_nodes_agree_whose_it_is(
    status: LabStatus, inventory: Inventory, shared_disk: SharedDisk
) -> None:
    found = status.shared_disks[shared_disk.storage.name]
    assert set(found) == {node.name for node in inventory.nodes}
    (owner,) = {each.owner for each in found.values()}
    assert [name for name, each in found.items() if each.active] == [owner]
    assert [name for name, each in found.items() if each.mounted] == [owner]


def test_a_node_goes_by_its_own_name_to_lvm(node: Inspected) -> None:
    told = node.output("lvm systemid").strip()
    assert told == f"system ID: {node.machine.name}"


def test_nobody_activates_it_at_a_boot(
    status: LabStatus, shared_disk: SharedDisk, visit: Callable[[str], Inspected]
) -> None:
    found = status.shared_disks[shared_disk.storage.name]
    for name, each in found.items():
        if each.active:
            words = f"vgs --noheadings --options autoactivation {shared_disk.group}"
            assert visit(name).output(words).strip() == ""


def test_lvm_refuses_it_to_a_node_that_does_not_own_it(
    status: LabStatus, shared_disk: SharedDisk, visit: Callable[[str], Inspected]
) -> None:
    found = status.shared_disks[shared_disk.storage.name]
    for name, each in found.items():
        if not each.active:
            done = visit(name).host.run(f"lvchange --activate y {shared_disk.group}")
            assert done.rc != 0, name

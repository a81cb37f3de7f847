"""Two labs of one definition under two names: the same addresses, side by side, unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.claims import check_removable, claimed
from core.folders import LabFolder
from drills.expectations import stall_s
from drills.probes import new_run, outages, probing
from drills.site import Site
from drills.snapshot import snapshot
from inventory.model import Inventory
from inventory.record import load_record
from labs.writing import copied
from tests.failover.command import halab
from tests.failover.conftest import Rehearse, require_pass

pytestmark = pytest.mark.thorough

COMMAND = "a test of neighbours"
"""Who made the other lab."""

BUILT_S = 1200
"""Seconds: several times what `up` takes in emulation beside another lab."""


@pytest.fixture
def neighbour(folder: LabFolder, tmp_path: Path) -> Iterator[Site]:
    """Return a lab that differs from the one under test in nothing but its name.

    What an earlier story left of it goes first; a lab of that name that is somebody else's stays.
    """
    if not load_record(folder).private:
        pytest.fail("two labs with the same addresses need hypervisors of their own")
    name, file = f"{folder.name}-too", tmp_path / "lab.toml"
    file.write_text(copied(folder.applied, name, file))

    def take_away() -> None:
        halab("down", name, timeout=BUILT_S)

    if check_removable(name, COMMAND):
        take_away()
    with claimed(name, COMMAND, take_away, keep=False) as ours:
        assert ours, f"somebody makes a lab {name} at this moment"
        halab("up", str(file), "--no-snapshot", timeout=BUILT_S)
        yield Site.of(LabFolder.of(name))


def test_a_node_that_is_lost_in_one_lab_is_no_event_in_the_other(
    neighbour: Site, rehearse: Rehearse, inventory: Inventory
) -> None:
    assert neighbour.inventory.services == inventory.services
    assert [m.interfaces for m in neighbour.inventory.machines] == [
        machine.interfaces for machine in inventory.machines
    ]
    before = snapshot(neighbour.inventory)
    with probing(neighbour.parts.first_service, new_run()) as probe:
        require_pass(rehearse("power-off"))
        attempts = probe.stop()
    after = snapshot(neighbour.inventory)
    assert after.boots == before.boots
    assert after.fence_events == before.fence_events
    assert after.status.healthy, after.status.summary()
    # Nobody noticed, but that the machine which carries both was busy.
    longest = max(outage.seconds for outage in outages(attempts))
    assert longest <= 2 * stall_s(neighbour.inventory.timing)

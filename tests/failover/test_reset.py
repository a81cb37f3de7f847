"""A lab is kept, spoilt, and brought back: the same machines go on as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core.folders import LabFolder
from drills.audits import fenced_only, rebooted_only, snapshot, stayed
from drills.verdicts import Verdict, require
from hypervisor.reset import reset, take
from hypervisor.snapshots import Shelf
from inventory.model import Inventory, Machine
from inventory.record import LabRecord
from provisioning.clock import Offset, measure
from provisioning.remote import Remote
from status.reading import MOUNT_POINT
from tests.failover.stage import Stage

LABEL = "story"

BACK_WITHIN_S = 30.0
"""Emulated guests are slow at first: their code is translated anew. Healing takes minutes."""

CLOCKS_WITHIN_S = 0.5

SPOILT = f"{MOUNT_POINT}/written-after-the-snapshot"


@pytest.fixture
def kept(
    stage: Stage, folder: LabFolder, record: LabRecord, inventory: Inventory
) -> Iterator[float]:
    """Take a snapshot and return the seconds that it took."""
    began = time.monotonic()
    take(folder, record, inventory, LABEL, print, healthy=True, replace=True)
    yield time.monotonic() - began
    Shelf(folder).remove(LABEL)


def test_a_spoilt_lab_is_back_within_seconds(
    stage: Stage, folder: LabFolder, record: LabRecord, inventory: Inventory, kept: float
) -> None:
    active, other = stage.active, stage.survivor
    with Remote(active) as remote:
        remote.run(f"echo spoilt >{SPOILT} && sync {SPOILT}")
        remote.run(f"crm_standby --node {active.name} --update on")
    stage.wait_for(
        f"{other.name} active",
        lambda status: status.active == other.name and status.service.answers,
        stage.timing.healthy_wait_s,
    )
    stage.power.cut(active.name)

    began = time.monotonic()
    status = reset(folder, record, inventory, LABEL, print)
    took = time.monotonic() - began
    stage.tell(f"snapshot {kept:.1f} s, reset until healthy {took:.1f} s")

    after = snapshot(inventory)
    offsets = {machine.name: offset_of(machine) for machine in inventory.machines}
    with Remote(active) as remote:
        found = remote.run(f"test -e {SPOILT}", check=False).status == 0
    require(
        [
            Verdict("is the lab healthy", status.healthy, "; ".join(status.reasons)),
            fenced_only((), stage.before, after),
            rebooted_only((), stage.before, after),
            stayed(stage.before, after),
            Verdict("is what was written since then gone", not found, SPOILT),
            *(right(name, offset) for name, offset in offsets.items()),
            Verdict("was it back within seconds", took <= BACK_WITHIN_S, f"{took:.1f} s"),
        ]
    )


def offset_of(machine: Machine) -> Offset:
    with Remote(machine) as remote:
        return measure(remote)


def right(name: str, offset: Offset) -> Verdict:
    """Compare a machine's clock with the hypervisor's."""
    return Verdict(
        f"is the clock of {name} right",
        abs(offset.ahead) - offset.uncertainty <= CLOCKS_WITHIN_S,
        f"it is {offset.ahead:+.2f} s ahead, measured to {offset.uncertainty:.2f} s",
    )

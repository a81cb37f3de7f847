"""A lab is kept, spoilt, and brought back: the same machines go on as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core.folders import LabFolder
from core.saying import Say
from drills.faults.base import run_on
from drills.power import Power
from drills.snapshot import Snapshot, snapshot
from hypervisor.reset import reset, take
from hypervisor.snapshots import Shelf
from inventory.model import Inventory, Machine
from inventory.record import LabRecord
from machines.clock import Offset, measure
from machines.remote import Remote
from parts.all import Parts
from status.collect import Observer
from status.health import wait_healthy

LABEL = "story"

CLOCKS_WITHIN_S = 0.5


@pytest.fixture
def before(inventory: Inventory) -> Snapshot:
    wait_healthy(inventory, inventory.timing.healthy_wait_s)
    return snapshot(inventory)


@pytest.fixture
def kept(
    before: Snapshot, folder: LabFolder, record: LabRecord, inventory: Inventory
) -> Iterator[float]:
    """Take a snapshot and return the seconds that it took."""
    began = time.monotonic()
    with Observer(inventory) as observer:
        take(folder, record, observer, LABEL, print, healthy=True, replace=True)
    yield time.monotonic() - began
    Shelf(folder).remove(LABEL)


def test_a_spoilt_lab_is_back_within_seconds(
    before: Snapshot,
    folder: LabFolder,
    record: LabRecord,
    inventory: Inventory,
    parts: Parts,
    kept: float,
    tell: Say,
) -> None:
    part = parts.first_service
    active = inventory.machine(before.status.service(part.service.name).nodes[0])
    place = "/var/tmp" if part.storage is None else part.storage.mount_point
    spoilt = f"{place}/written-after-the-snapshot"
    run_on(active, f"echo spoilt >{spoilt} && sync {spoilt}")
    run_on(active, f"crm_standby --node {active.name} --update on")
    Power(record).cut(active.name)

    began = time.monotonic()
    status = reset(folder, record, inventory, LABEL, print)
    took = time.monotonic() - began
    tell(f"snapshot {kept:.1f} s, reset until healthy {took:.1f} s")

    after = snapshot(inventory)
    offsets = {machine.name: offset_of(machine) for machine in inventory.machines}
    assert status.healthy, status.reasons
    assert after.fence_events == before.fence_events
    assert after.boots == before.boots
    assert after.status.services == before.status.services
    assert run_on(active, f"test -e {spoilt} && echo there || :") == ""
    wrong = {name: str(offset) for name, offset in offsets.items() if not right(offset)}
    assert not wrong
    # How quick it is depends on the host, and is for `bench` to hold. A boot would be slower.
    assert took <= inventory.timing.boot_wait_s


def offset_of(machine: Machine) -> Offset:
    with Remote(machine) as remote:
        return measure(remote)


def right(offset: Offset) -> bool:
    """Compare a machine's clock with the hypervisor's."""
    return abs(offset.ahead) - offset.uncertainty <= CLOCKS_WITHIN_S

"""Every story begins with a healthy lab."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.folders import LabFolder
from drills.audits import snapshot
from drills.clock import LabClock
from drills.power import Power
from inventory.model import Inventory
from inventory.record import LabRecord
from status.health import wait_healthy
from tests.failover.stage import Stage


@pytest.fixture
def stage(
    folder: LabFolder,
    inventory: Inventory,
    record: LabRecord,
    tell: Callable[[str], None],
) -> Stage:
    wait_healthy(inventory, inventory.timing.healthy_wait_s)
    clock = LabClock(inventory.monitor)
    return Stage(
        folder=folder,
        inventory=inventory,
        power=Power(record),
        clock=clock,
        before=snapshot(inventory),
        began=clock.now(),
        tell=tell,
    )

"""A healthy lab raises no problem while all other state tests look at it."""

from __future__ import annotations

import pytest

from core.folders import LabFolder
from core.wait import wait_until
from inventory.model import Inventory
from parts.secrets import ensure_secrets
from status.problems import ProblemReader
from tests.state.conftest import Inspected, clock_of

pytestmark = pytest.mark.needs("monitoring")

ROUNDS = 4
"""In readings of the monitoring: how long it is listened to at least."""


def test_the_monitoring_has_raised_nothing(
    watched_since: float, monitor: Inspected, inventory: Inventory, folder: LabFolder
) -> None:
    enough = ROUNDS * inventory.observe_every_s
    wait_until(
        lambda: clock_of(monitor) - watched_since,
        lambda passed: passed >= enough,
        what=f"{enough} s of silence",
        timeout=enough + 60.0,
        interval=5.0,
    )
    with ProblemReader(inventory, ensure_secrets(folder.secrets)) as reader:
        raised = [report for report in reader.reports(watched_since) if report.raised]
        open_now = reader.read()
    assert [f"{report.host}: {report.name}" for report in raised] == []
    assert open_now == ()

"""A healthy lab raises no problem while all other state tests look at it."""

from __future__ import annotations

import pytest

from core.folders import LabFolder
from core.saying import Say
from core.wait import wait_until
from inventory.model import Inventory
from parts.secrets import ensure_secrets
from status.problems import ProblemReader, Report, clearing_s
from tests.state.conftest import Inspected, clock_of

pytestmark = pytest.mark.needs("monitoring")

ROUNDS = 4
"""In readings of the monitoring: how long it is listened to at least."""


def test_the_monitoring_has_raised_nothing(
    watched_since: float,
    monitor: Inspected,
    inventory: Inventory,
    folder: LabFolder,
    tell: Say,
) -> None:
    # These tests often follow `up`, which leaves it things to learn: machines are heard for the
    # first time, and their clocks were set a moment ago.
    settled = watched_since + clearing_s(inventory)
    enough = settled + ROUNDS * inventory.observe_every_s
    wait_until(
        lambda: clock_of(monitor),
        lambda now: now >= enough,
        what="the monitoring was listened to for long enough",
        timeout=enough - watched_since + 60.0,
        interval=5.0,
    )
    with ProblemReader(inventory, ensure_secrets(folder.secrets)) as reader:
        raised = [report for report in reader.reports(watched_since) if report.raised]
        open_now = reader.read()

    def told(report: Report) -> str:
        return f"{report.host}: {report.name}, after {report.at - watched_since:.0f} s"

    early = [told(report) for report in raised if report.at < settled]
    tell(f"raised before the monitoring had settled: {'; '.join(early) or 'nothing'}")
    assert [told(report) for report in raised if report.at >= settled] == []
    assert open_now == ()

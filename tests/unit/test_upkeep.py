"""Packages of machines that halab did not make the image of: nobody renews them unasked."""

from __future__ import annotations

import pytest

from inventory.model import Machine
from parts.facts import UnitState
from parts.system.upkeep import RENEWING
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import with_unit

LAB = planned("active-passive", accelerated=True)
TIMER = "apt-daily-upgrade.timer"


@pytest.mark.parametrize("machine", LAB.machines, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "state", [UnitState(active=False, enabled=True), UnitState(active=True, enabled=False)]
)
def test_what_would_renew_them_is_stopped_for_good(machine: Machine, state: UnitState) -> None:
    steps = with_unit(LAB, machine, TIMER, state).steps(machine, frozenset())

    (step,) = (each for each in steps if TIMER in each.command)
    assert step.command == f"systemctl disable --now {TIMER}"


def test_where_an_image_forbids_it_nothing_is_done() -> None:
    """As halab's own images do."""
    node, masked = LAB.nodes[0], UnitState(active=False, enabled=False, masked=True)

    steps = with_unit(LAB, node, TIMER, masked).steps(node, frozenset())

    assert not [each for each in steps if any(unit in each.command for unit in RENEWING)]

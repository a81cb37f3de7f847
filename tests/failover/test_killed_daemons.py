"""A daemon that is killed is back by itself, where it was, and the lab is healthy again."""

from __future__ import annotations

import pytest

from core.saying import Say
from core.wait import wait_until
from drills.faults.base import run_on
from inventory.model import Inventory, Machine
from parts.all import Parts
from status.health import wait_healthy

RESTART_S = 30.0
"""Times the pace: a database that was killed reads its log again before it runs."""


def main_process(machine: Machine, unit: str) -> int:
    """Return a daemon's main process while it runs, and 0 while it does not."""
    told = run_on(machine, f"systemctl show --property ActiveState,MainPID --value {unit}")
    # systemctl has an order of its own.
    number, state = sorted(told.split())
    return int(number) if state == "active" else 0


def kill(machine: Machine, unit: str, timeout: float) -> None:
    """Kill a daemon's main process and wait until it has another one."""
    killed = main_process(machine, unit)
    assert killed, f"{unit} does not run on {machine.name}"
    run_on(machine, f"kill -KILL {killed}")
    wait_until(
        lambda: main_process(machine, unit),
        lambda now: now not in (0, killed),
        what=f"{unit} runs again on {machine.name}",
        timeout=timeout,
    )


@pytest.mark.thorough
def test_every_killed_daemon_comes_back(inventory: Inventory, parts: Parts, tell: Say) -> None:
    timing = inventory.timing
    wait_healthy(inventory, timing.healthy_wait_s)
    for machine in inventory.machines:
        for daemon in (
            each for part in parts.on(machine.role) for each in part.daemons(machine.role)
        ):
            kill(machine, daemon.unit, RESTART_S * timing.pace)
            tell(f"{daemon.unit} is back on {machine.name}")
    wait_healthy(inventory, timing.healthy_wait_s)

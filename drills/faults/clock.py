"""Clocks that jump. The other machines, and the lab's own time, stay as they are."""

from __future__ import annotations

from drills.faults.base import Fault, Scene, commands, run_on

LEAP_S = 3600
"""Seconds; far more than any timeout of the cluster, so that a daemon that trusts the wall clock
would act at once."""


def jumped(seconds: int) -> Fault:
    """Set the targets' clocks forward or back and keep them wrong.

    Healing starts chrony again, which steps the clock at its start.
    """
    made = commands(
        f"systemctl stop chrony && date --set=@$(($(date +%s) + {seconds})) >/dev/null",
        "systemctl start chrony && chronyc waitsync 30 1 0 1 >/dev/null",
    )
    return Fault(made.inject, made.heal, lambda scene: _difference(scene, seconds))


def _difference(scene: Scene, wanted: int) -> str:
    """Say how far the first target's clock is off, if that is about as far as wanted."""
    there, right = (
        int(run_on(machine, "date +%s")) for machine in (scene.targets[0], scene.inventory.monitor)
    )
    found = there - right
    return f"the clock is {found:+d} s off" if abs(found - wanted) < abs(wanted) / 2 else ""

"""Clocks that jump. The other machines, and the lab's own time, stay as they are."""

from __future__ import annotations

from drills.faults.base import Fault, commands

LEAP_S = 3600
"""Seconds; far more than any timeout of the cluster, so that a daemon that trusts the wall clock
would act at once."""


def jumped(seconds: int) -> Fault:
    """Set the targets' clocks forward or back and keep them wrong.

    Healing starts chrony again, which steps the clock at its start.
    """
    return commands(
        f"systemctl stop chrony && date --set=@$(($(date +%s) + {seconds})) >/dev/null",
        "systemctl start chrony && chronyc waitsync 30 1 0 1 >/dev/null",
    )

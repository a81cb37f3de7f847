"""Faults of the third vote."""

from __future__ import annotations

from drills.faults.base import Fault, commands

UNIT = "corosync-qnetd"


def device_lost() -> Fault:
    """Stop the quorum device's server on the monitor; start it again to heal."""
    return commands(f"systemctl stop {UNIT}", f"systemctl start {UNIT}")

"""Zabbix hears of the cluster's events at once, not at its next look."""

from __future__ import annotations

from inventory.model import Inventory
from parts.settings import Alert

PROGRAM = "/usr/local/lib/halab/alert"
"""What Pacemaker runs for every event."""

ALERT = "monitoring"
"""Id in the cluster's configuration."""

TIMEOUT_S = 15
"""The program sends in the background: it has done its part long before."""


def alerts(inventory: Inventory) -> tuple[Alert, ...]:
    """Return whom the cluster tells its events; nobody in a lab without monitoring."""
    if inventory.monitoring is None:
        return ()
    return (Alert(ALERT, PROGRAM, TIMEOUT_S, select=("nodes", "fencing", "resources")),)

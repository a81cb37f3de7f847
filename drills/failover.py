"""The failover that everything is measured by: the active node loses its power."""

from __future__ import annotations

from collections.abc import Callable

from core.errors import HalabError
from drills.clock import LabClock
from drills.faults import powered_off
from drills.power import Power
from drills.probes import probing, worst_outage
from drills.timeline import Timeline, cut, find_milestones, read_journal
from inventory.model import Inventory
from inventory.record import LabRecord
from status.collect import collect
from status.health import wait_healthy


def measure_power_loss(
    inventory: Inventory, record: LabRecord, report: Callable[[str], None]
) -> Timeline:
    """Power the active node off, measure what a client outside notices, and heal.

    Raises HalabError when no node is active to begin with, WaitTimeout when the lab stays broken.
    """
    active = collect(inventory, record).active
    if active is None:
        raise HalabError("no node is active", hint=f"`./halab status {inventory.lab}` says why")
    [survivor] = [node for node in inventory.nodes if node.name != active]
    budget = inventory.timing.budget
    clock = LabClock(inventory.monitor)
    with probing(inventory) as probe:
        began = clock.now()
        with powered_off(Power(record), active):
            report(f"{active} is off; the budget is {budget.total_s:.0f} s")
            probe.wait_settled(began, timeout=2 * budget.total_s + 60)
            milestones = find_milestones(read_journal(survivor, began), active, survivor.name)
            timeline = cut(worst_outage(probe.stop(), began - 5), milestones, budget)
        report(f"{active} comes back")
        wait_healthy(inventory, inventory.timing.rejoin_wait_s, report)
    return timeline

"""Time: the monitor is everybody's source, so that the machines agree among themselves."""

from __future__ import annotations

from inventory.model import Inventory, Machine
from labs.roles import MachineRole, NetworkRole
from provisioning.facts import Facts, Unit
from provisioning.files import File, Link
from provisioning.steps import Step
from provisioning.templates import render
from provisioning.units import AT_BOOT, link

CONFIGURATION = "/etc/chrony/chrony.conf"


def files(inventory: Inventory, machine: Machine) -> tuple[File | Link, ...]:
    """Describe chrony's configuration.

    No servers on the internet and no rtcsync: machines of a restored snapshot agree on the time of
    the day it was taken, and nothing may pull a single one of them away from it.
    """
    source = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address
    text = render(
        "chrony.conf.j2",
        serves=machine.role is MachineRole.MONITOR,
        server=source.ip,
        clients=source.network,
    )
    return File(CONFIGURATION, text), link(Unit.CHRONY, AT_BOOT)


def start(facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make chrony run with its present configuration."""
    if CONFIGURATION not in changed and facts.units[Unit.CHRONY].active:
        return ()
    return (Step("chrony follows the lab's clock", "systemctl --no-block restart chrony"),)

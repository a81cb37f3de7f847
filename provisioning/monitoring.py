"""Monitoring, as the sequence sees it: files and steps of each machine, then the API."""

from __future__ import annotations

from collections.abc import Callable

from core.wait import wait_until
from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from machines.remote import Remote
from provisioning.facts import Facts, Unit
from provisioning.files import File, Link, ensure_files
from provisioning.secrets import Secrets
from provisioning.steps import Step, run_steps
from provisioning.zabbix import agent, server
from provisioning.zabbix.api import LOGIN, MonitoringRefused, MonitoringUnreachable, session
from provisioning.zabbix.configuration import describe, ensure_configured


def files(inventory: Inventory, machine: Machine, secrets: Secrets) -> tuple[File | Link, ...]:
    """Describe what stands on a machine for good; nothing in a lab without monitoring."""
    if inventory.monitoring is None:
        return ()
    common = agent.files(inventory, machine, secrets)
    if machine.role is MachineRole.NODE:
        return common
    return (*common, *server.files(inventory, secrets))


def units(machine: Machine) -> tuple[Unit, ...]:
    """Return the units that monitoring runs on a machine."""
    if machine.role is MachineRole.NODE:
        return agent.UNITS
    return (Unit.ZABBIX_AGENT, *server.UNITS)


def delivery(
    inventory: Inventory, machine: Machine, secrets: Secrets, facts: Facts
) -> tuple[File, ...]:
    """Describe what only travels: the monitor's passwords, when it has others."""
    if inventory.monitoring is None or machine.role is MachineRole.NODE:
        return ()
    return server.delivery(facts, secrets)


def start_monitor(
    inventory: Inventory, facts: Facts, secrets: Secrets, changed: frozenset[str]
) -> tuple[Step, ...]:
    """Make everything run on the monitor, or stop it in a lab without monitoring."""
    if inventory.monitoring is None:
        return (*server.stop(facts), *agent.stop(facts))
    return (
        *server.create_database(facts),
        *server.start(facts, secrets, changed),
        *agent.start(inventory.monitor, facts, changed),
    )


def prepare_node(inventory: Inventory, facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Do what Pacemaker's alerts depend on; in a lab without monitoring stop the agent."""
    return agent.stop(facts) if inventory.monitoring is None else agent.prepare(changed)


def start_node(
    inventory: Inventory, node: Machine, facts: Facts, changed: frozenset[str]
) -> tuple[Step, ...]:
    """Make the agent run, last: while the cluster starts, it only costs time."""
    return () if inventory.monitoring is None else agent.start(node, facts, changed)


def description(inventory: Inventory, secrets: Secrets) -> str:
    """Return all that Zabbix is told through its API; empty in a lab without monitoring."""
    return "" if inventory.monitoring is None else describe(inventory, secrets)


def configure(
    remote: Remote, inventory: Inventory, secrets: Secrets, stopped: Callable[[], bool]
) -> tuple[str, ...]:
    """Make Zabbix watch the lab; return what was changed.

    Waits for an API that still starts. A password that somebody changed by hand is set again.
    `stopped` says that nobody waits for this any longer. Raises HalabError when it cannot be done.
    """
    timing = inventory.timing
    again = False

    def once() -> tuple[str, ...]:
        nonlocal again
        try:
            with session(remote, inventory, secrets) as api:
                done = ensure_configured(api, inventory, secrets)
                return ("Zabbix's passwords set again", *done) if again else done
        except MonitoringRefused as error:
            if again or LOGIN not in error.message:
                raise
            again = True
            # Whoever changed it by hand has changed what halab is asked to keep.
            written = ensure_files(remote, server.passwords(secrets))
            run_steps(remote, server.set_passwords(secrets, written), timeout=60.0 * timing.pace)
            raise MonitoringUnreachable("Zabbix's password was set again") from error

    return (
        wait_until(
            lambda: None if stopped() else once(),
            lambda _: True,
            what="Zabbix takes its configuration",
            timeout=timing.boot_wait_s,
            describe=lambda _: "an answer",
            retry_on=(MonitoringUnreachable,),
            interval=1.0,
        )
        or ()
    )

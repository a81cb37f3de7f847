"""Agents on all machines; on nodes also who collects for them and who tells Pacemaker's events."""

from __future__ import annotations

import json

from inventory.model import Inventory, Machine
from labs.ports import ZABBIX_AGENT, ZABBIX_SERVER
from labs.roles import MachineRole, NetworkRole
from parts.addresses import cable, ipaddr2
from parts.monitoring.zabbix import PROGRAM
from parts.storage import drbd
from provisioning.facts import Facts, Unit
from provisioning.files import File, Link, script
from provisioning.secrets import Secrets
from provisioning.steps import Step
from provisioning.templates import render
from provisioning.units import AT_BOOT, FOLDER
from provisioning.units import link as unit_link
from provisioning.zabbix.names import (
    AGENT_CONFIGURATION,
    EVENTS_FILE,
    PSK_FILE,
    STATUS_FILE,
    STATUS_FOLDER,
    cluster_host,
    psk_identity,
)

COLLECTOR = "/usr/local/lib/halab/cluster-status"
SERVICE = f"{FOLDER}/halab-cluster-status.service"
TIMER = f"{FOLDER}/{Unit.COLLECTOR}"
TMPFILES = "/etc/tmpfiles.d/halab.conf"

UNITS = (Unit.ZABBIX_AGENT, Unit.COLLECTOR)
"""What runs on a node; the monitor has the agent alone."""

LOOPBACK = "127.0.0.1"


def listening_address(machine: Machine) -> str:
    """Return where a machine's agent answers the server; the monitor's own never leaves it."""
    if machine.role is MachineRole.MONITOR:
        return LOOPBACK
    return str(machine.interfaces[NetworkRole.MANAGEMENT].address.ip)


def _server(inventory: Inventory, machine: Machine) -> str:
    if machine.role is MachineRole.MONITOR:
        return LOOPBACK
    return str(inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip)


def files(inventory: Inventory, machine: Machine, secrets: Secrets) -> tuple[File | Link, ...]:
    """Describe the agent's configuration, and on nodes the collector and the alert agent."""
    # Alert agents run as hacluster and send under the same key.
    owner = "zabbix:haclient" if machine.role is MachineRole.NODE else "zabbix:zabbix"
    configuration = render(
        "zabbix_agent2.conf.j2",
        machine=machine.name,
        address=listening_address(machine),
        port=ZABBIX_AGENT,
        server=_server(inventory, machine),
        server_port=ZABBIX_SERVER,
        psk_identity=psk_identity(inventory),
        psk_file=PSK_FILE,
    )
    common = (
        File(AGENT_CONFIGURATION, configuration),
        File(PSK_FILE, f"{secrets.zabbix_psk}\n", mode=0o440, owner=owner),
        unit_link(Unit.ZABBIX_AGENT, AT_BOOT),
    )
    return common if machine.role is MachineRole.MONITOR else (*common, *_node_files(inventory))


def collector_settings(inventory: Inventory) -> dict[str, str]:
    """Return what the collector is told of its lab."""
    return {
        "disk": inventory.disks.sbd,
        "address": str(inventory.service.address.ip),
        "cluster": cluster_host(inventory),
        "cable_rule": cable.RULE,
        "agent": AGENT_CONFIGURATION,
        "file": STATUS_FILE,
        "events": EVENTS_FILE,
    }


def _node_files(inventory: Inventory) -> tuple[File | Link, ...]:
    told = json.dumps(collector_settings(inventory))
    service = render("cluster-status.service.j2", program=COLLECTOR, settings=told)
    alert = render(
        "alert.sh.j2",
        cluster=cluster_host(inventory),
        replication=drbd.PRIMITIVE,
        address=ipaddr2.PRIMITIVE,
        events=EVENTS_FILE,
        agent=AGENT_CONFIGURATION,
    )
    return (
        File(COLLECTOR, script("cluster_status.py"), mode=0o755),
        File(PROGRAM, alert, mode=0o755),
        File(
            TMPFILES,
            render("cluster-status.tmpfiles.j2", folder=STATUS_FOLDER, events=EVENTS_FILE),
        ),
        File(SERVICE, service),
        File(TIMER, render("cluster-status.timer.j2", interval=inventory.observe_every_s)),
        Link(f"{FOLDER}/timers.target.wants/{Unit.COLLECTOR}", TIMER),
    )


def prepare(changed: frozenset[str]) -> tuple[Step, ...]:
    """Make the folder that the alert agent marks events in, before Pacemaker can call it."""
    if TMPFILES not in changed:
        return ()
    return (Step("place for the cluster's status made", f"systemd-tmpfiles --create {TMPFILES}"),)


def start(machine: Machine, facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make the agent and, on nodes, the collector run with their present configuration."""
    units: list[Unit] = []
    if {AGENT_CONFIGURATION, PSK_FILE} & changed or not facts.units[Unit.ZABBIX_AGENT].active:
        units.append(Unit.ZABBIX_AGENT)
    if machine.role is MachineRole.NODE and (
        TIMER in changed or not facts.units[Unit.COLLECTOR].active
    ):
        units.append(Unit.COLLECTOR)
    if not units:
        return ()
    return (Step("monitoring agent runs", f"systemctl --no-block restart {' '.join(units)}"),)


def stop(facts: Facts) -> tuple[Step, ...]:
    """Stop what a lab without monitoring does not need."""
    found = [unit for unit in UNITS if facts.units[unit].active or facts.units[unit].enabled]
    if not found:
        return ()
    return (Step("monitoring agent stopped", f"systemctl disable --now {' '.join(found)}"),)

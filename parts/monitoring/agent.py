"""Agents on all machines; on nodes also who collects for them and who tells Pacemaker's events."""

from __future__ import annotations

import json
from importlib import resources

from inventory.model import Inventory, Machine
from labs.ports import ZABBIX_AGENT, ZABBIX_SERVER
from labs.roles import MachineRole, NetworkRole
from parts.addresses import cable
from parts.facts import Facts, ended
from parts.host import AT_BOOT, PROGRAMS, UNITS, Entry, File, Link, Step, program, render, unit_link
from parts.monitoring.names import (
    AGENT_CONFIGURATION,
    EVENTS_FILE,
    PSK_FILE,
    READING_S,
    STATUS_FILE,
    STATUS_FOLDER,
    cluster_host,
    psk_identity,
)
from parts.secrets import Secrets

AGENT, COLLECTOR_TIMER = "zabbix-agent2.service", "halab-cluster-status.timer"
"""What runs on a node; the monitor has the agent alone."""

ALERT = f"{PROGRAMS}/alert"
"""What Pacemaker runs for every event."""

COLLECTOR = f"{PROGRAMS}/collector"
SERVICE = f"{UNITS}/halab-cluster-status.service"
TIMER = f"{UNITS}/{COLLECTOR_TIMER}"
TMPFILES = "/etc/tmpfiles.d/halab.conf"

WIRE = ("__init__", "record", "corosync", "drbd", "pacemaker", "sbd")
"""The modules of `wire` by which the collector reads what tools print."""

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


def files(inventory: Inventory, machine: Machine, secrets: Secrets) -> tuple[Entry, ...]:
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
        unit_link(AGENT, AT_BOOT),
    )
    return (
        common
        if machine.role is MachineRole.MONITOR
        else (*common, *_node_files(inventory, machine))
    )


def collector_settings(inventory: Inventory, machine: Machine) -> dict[str, object]:
    """Return what the collector of a node is told of its lab."""
    return {
        "disk": inventory.fencing_disk,
        "storage": {
            each.instance: each.number if machine in inventory.carriers(each) else None
            for each in inventory.storage
            if each.replicated
        },
        "shared": {
            each.name: [each.disk, each.mount_point]
            for each in inventory.storage
            if not each.replicated
        },
        "servers": {
            service.name: [service.resource, service.settings.promoted]
            for service in inventory.services
            if service.everywhere
        },
        "device": inventory.quorum == "device",
        "addresses": {
            name: str(address.ip)
            for service in inventory.services
            for name, address in service.address_ids.items()
        },
        "cluster": cluster_host(inventory),
        "cable_rule": cable.RULE,
        "agent": AGENT_CONFIGURATION,
        "file": STATUS_FILE,
        "events": EVENTS_FILE,
    }


def collector_files() -> tuple[File, ...]:
    """Describe the collector: a folder that Python runs, as it keeps what it compiled of it.

    To compile it at each start would cost an emulated guest 70 ms. A power cut may leave an empty
    file of what was compiled, which Python makes again.
    """
    wire = resources.files("wire")
    return (
        *(File(f"{COLLECTOR}/wire/{name}.py", (wire / f"{name}.py").read_text()) for name in WIRE),
        File(f"{COLLECTOR}/__main__.py", program("cluster_status.py")),
    )


def _takeovers(inventory: Inventory) -> dict[str, str]:
    """Return how a promotion is told, by the id of what is promoted."""
    replicated = [storage for storage in inventory.storage if storage.replicated]
    return {
        each.instance: f"takes over storage {each.name}" if len(replicated) > 1 else "takes over"
        for each in replicated
    }


def _moves(inventory: Inventory) -> dict[str, str]:
    """Return what starts and stops with an address, in words, by the id of the address."""
    return {
        name: "the service"
        if inventory.has_one_address
        else f"service {service.name} at {address.ip}"
        for service in inventory.services
        for name, address in service.address_ids.items()
    }


def _node_files(inventory: Inventory, machine: Machine) -> tuple[Entry, ...]:
    told = json.dumps(collector_settings(inventory, machine))
    service = render(
        "cluster-status.service.j2", program=COLLECTOR, settings=told, most_s=READING_S
    )
    alert = render(
        "alert.sh.j2",
        cluster=cluster_host(inventory),
        takes_over=_takeovers(inventory),
        moves=_moves(inventory),
        alone=inventory.has_one_address,
        events=EVENTS_FILE,
        agent=AGENT_CONFIGURATION,
    )
    return (
        *collector_files(),
        File(ALERT, alert, mode=0o755),
        File(
            TMPFILES,
            render("cluster-status.tmpfiles.j2", folder=STATUS_FOLDER, events=EVENTS_FILE),
        ),
        File(SERVICE, service),
        File(TIMER, render("cluster-status.timer.j2", interval=inventory.observe_every_s)),
        Link(f"{UNITS}/timers.target.wants/{COLLECTOR_TIMER}", TIMER),
    )


def prepare(changed: frozenset[str]) -> tuple[Step, ...]:
    """Make the folder that the alert agent marks events in, before Pacemaker can call it."""
    if TMPFILES not in changed:
        return ()
    return (Step("place for the cluster's status made", f"systemd-tmpfiles --create {TMPFILES}"),)


def start(machine: Machine, facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make the agent and, on nodes, the collector run with their present configuration."""
    units: list[str] = []
    if {AGENT_CONFIGURATION, PSK_FILE} & changed or not facts.unit(AGENT).active:
        units.append(AGENT)
    if machine.role is MachineRole.NODE and (
        TIMER in changed or not facts.unit(COLLECTOR_TIMER).active
    ):
        units.append(COLLECTOR_TIMER)
    if not units:
        return ()
    return (Step("monitoring agent runs", f"systemctl --no-block restart {' '.join(units)}"),)


def stop(facts: Facts) -> tuple[Step, ...]:
    """Stop what a lab without monitoring does not need."""
    return ended("monitoring agent stopped", facts, (AGENT, COLLECTOR_TIMER))

"""Membership over two links and quorum with a third vote."""

from __future__ import annotations

import base64
import re

from inventory.model import Inventory
from labs.roles import NetworkRole
from provisioning.facts import Facts, Unit
from provisioning.files import File
from provisioning.secrets import Secrets
from provisioning.steps import Step
from provisioning.templates import render

CONFIGURATION = "/etc/corosync/corosync.conf"
AUTHKEY = "/etc/corosync/authkey"
LINKS = (0, 1)
"""Numbers of the links: one over each cluster network."""

DROP_IN = "/etc/systemd/system/corosync.service.d/halab.conf"


def configuration(inventory: Inventory, version: int) -> str:
    """Render corosync.conf; `version` is its config_version."""
    return render(
        "corosync.conf.j2",
        lab=inventory.lab,
        version=version,
        timing=inventory.timing,
        nodes=[
            {
                "name": node.name,
                "number": node.number,
                "link_0": node.interfaces[NetworkRole.CLUSTER_A].address.ip,
                "link_1": node.interfaces[NetworkRole.CLUSTER_B].address.ip,
            }
            for node in inventory.nodes
        ],
        monitor=inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip,
    )


def next_configuration(inventory: Inventory, found: list[str]) -> str:
    """Render corosync.conf for all nodes, given what each of them holds now.

    The version stays when they all hold the wanted text and rises above all of theirs when not:
    corosync wants it to grow with every change of a running cluster.
    """
    versions = [_version(text) for text in found]
    same = configuration(inventory, versions[0])
    if all(text == same for text in found):
        return same
    return configuration(inventory, max(versions) + 1)


def _version(text: str) -> int:
    match = re.search(r"^\s*config_version:\s*(\d+)\s*$", text, re.MULTILINE)
    return int(match[1]) if match else 0


def files(configuration: str, secrets: Secrets) -> tuple[File, ...]:
    """Describe what corosync reads, and that the quorum device starts after it."""
    return (
        File(CONFIGURATION, configuration),
        File(AUTHKEY, base64.b64decode(secrets.corosync_authkey), mode=0o400),
        File(DROP_IN, render("corosync-drop-in.conf.j2")),
    )


def reload(facts: Facts, changed: frozenset[str], *, first: bool) -> tuple[Step, ...]:
    """Make a running cluster take over a changed configuration; `first` tells all the others."""
    if CONFIGURATION not in changed or not facts.units[Unit.COROSYNC].active:
        return ()
    steps = []
    if first:
        steps.append(Step("corosync took over its configuration", "corosync-cfgtool -R"))
    steps.append(Step("quorum device restarted", "systemctl try-restart corosync-qdevice"))
    return tuple(steps)

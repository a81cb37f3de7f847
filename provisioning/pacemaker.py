"""The cluster manager: its configuration is laid down before the first start, compared later."""

from __future__ import annotations

import shlex

from core.errors import CommandError
from core.wait import wait_until
from inventory.model import Inventory, Machine
from machines.remote import Remote
from provisioning import cib
from provisioning.facts import Facts, Unit
from provisioning.files import File, Link
from provisioning.steps import Step, run_steps
from provisioning.templates import render
from provisioning.units import AT_BOOT, link

CONFIGURATION = "/etc/default/pacemaker"
SEED = "/var/lib/pacemaker/cib/cib.xml"

_STARTED_AT_BOOT = (Unit.COROSYNC, Unit.QDEVICE, Unit.PACEMAKER)

UNITS = (Unit.SBD, *_STARTED_AT_BOOT)
"""What runs on every node; sbd starts with corosync."""


def files(inventory: Inventory) -> tuple[File | Link, ...]:
    """Describe the daemons' settings, their start at boot, and the CIB of the first start.

    All nodes begin with the same one, so the cluster comes up with all its resources and settings
    (the wait for absent nodes among them) instead of getting them in a second round.
    """
    return (
        File(CONFIGURATION, render("pacemaker.j2")),
        *(link(unit, AT_BOOT) for unit in _STARTED_AT_BOOT),
        File(SEED, cib.first(inventory), mode=0o600, owner="hacluster:haclient", once=True),
    )


def start_membership(facts: Facts) -> tuple[Step, ...]:
    """Start fencing, membership and quorum on this node.

    Nobody waits for the quorum device, which waits for the membership to rest: nodes that are
    together have a quorum without it.
    """
    if facts.units[Unit.COROSYNC].active and facts.units[Unit.QDEVICE].active:
        return ()
    command = "systemctl start corosync\nsystemctl start --no-block corosync-qdevice"
    return (Step("membership started", command),)


def start(facts: Facts) -> tuple[Step, ...]:
    """Start Pacemaker on this node. All nodes must start within dc-deadtime of each other."""
    if facts.cluster_runs:
        return ()
    return (Step("cluster started", "systemctl start pacemaker"),)


def forgive(node: Machine) -> tuple[Step, ...]:
    """Make the cluster forget what failed on a node."""
    command = f"crm_resource --cleanup --node {shlex.quote(node.name)}"
    return (Step(f"failures on {node.name} forgotten", command),)


def stop(facts: Facts) -> tuple[Step, ...]:
    """Stop the whole stack on this node."""
    if not (facts.cluster_runs or facts.units[Unit.COROSYNC].active):
        return ()
    command = "systemctl stop pacemaker\nsystemctl stop corosync-qdevice corosync"
    return (Step("cluster stopped", command),)


def ensure_configured(remote: Remote, inventory: Inventory) -> tuple[str, ...]:
    """Bring a running cluster's configuration to what the inventory asks for.

    Returns what was changed. Raises WaitTimeout when the cluster does not take the changes in time:
    it needs a quorum for that.
    """
    wanted = cib.desired(inventory)
    timeout = inventory.timing.healthy_wait_s
    running = wait_until(
        lambda: remote.run("cibadmin --query --local").stdout,
        lambda text: "<configuration" in text,
        what=f"{remote.name}: Pacemaker answers",
        timeout=timeout,
        describe=lambda _: "an answer",
        retry_on=(CommandError,),
    )
    steps = cib.corrections(running, wanted)
    if not steps:
        return ()
    return wait_until(
        lambda: run_steps(remote, steps, timeout=timeout),
        lambda _: True,
        what=f"{remote.name}: the cluster takes over its configuration",
        timeout=timeout,
        retry_on=(CommandError,),
        interval=2.0,
    )

"""Fencing: poison pills on a shared disk, and a hardware watchdog for who cannot read them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from inventory.model import Inventory
from provisioning.facts import Facts, Unit
from provisioning.files import File, Link, script
from provisioning.steps import Step
from provisioning.templates import render
from provisioning.units import link

CONFIGURATION = "/etc/default/sbd"
MODULES = "/etc/modules-load.d/halab.conf"


@dataclass(frozen=True)
class DiskTimeouts:
    """What the fencing disk's header says; it overrules /etc/default/sbd. Seconds."""

    watchdog: int
    msgwait: int


def parse_dump(printed: str) -> DiskTimeouts | None:
    """Read `sbd dump`; None when the disk holds no header."""
    values = dict(re.findall(r"^Timeout \((\w+)\)\s*:\s*(\d+)$", printed, re.MULTILINE))
    if not {"watchdog", "msgwait"} <= values.keys():
        return None
    return DiskTimeouts(int(values["watchdog"]), int(values["msgwait"]))


def wanted(inventory: Inventory) -> DiskTimeouts:
    """Return the timeouts that the disk shall hold."""
    return DiskTimeouts(inventory.timing.watchdog_s, inventory.timing.msgwait_s)


def files(inventory: Inventory) -> tuple[File | Link, ...]:
    """Describe sbd's configuration, its start, and the modules that must be there before it."""
    return (
        File(CONFIGURATION, configuration(inventory)),
        File(MODULES, render("modules.conf.j2")),
        link(Unit.SBD, "corosync.service.requires"),
        link(Unit.SBD, "pacemaker.service.requires"),
    )


def configuration(inventory: Inventory) -> str:
    """Render /etc/default/sbd."""
    return render("sbd.j2", disk=inventory.disks.sbd, watchdog=inventory.timing.watchdog_s)


def needs_stopped_cluster(inventory: Inventory, facts: Facts) -> bool:
    """Tell whether the cluster runs here with other timeouts on the disk, or without a header.

    Running daemons would go on with those, and in slots that a new header does not know.
    """
    runs = facts.units[Unit.COROSYNC].active
    return runs and parse_dump(facts.fencing_disk) != wanted(inventory)


def is_missing(facts: Facts) -> bool:
    """Tell whether Pacemaker runs here without sbd, which starts before it, with corosync alone."""
    return facts.cluster_runs and not facts.units[Unit.SBD].active


def initialise(inventory: Inventory, facts: Facts) -> tuple[Step, ...]:
    """Write the disk's header; for exactly one node, and only while no cluster uses the disk."""
    if parse_dump(facts.fencing_disk) == wanted(inventory):
        return ()
    timeouts = wanted(inventory)
    words = (inventory.disks.sbd, str(timeouts.watchdog), str(timeouts.msgwait))
    command = f"set -- {shlex.join(words)}\n{script('create_fencing_disk.sh')}"
    return (Step("fencing disk initialised", command),)


def load_watchdog(facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Have the watchdog and DRBD in the kernel."""
    if MODULES not in changed and facts.units[Unit.SBD].active:
        return ()
    return (Step("watchdog and DRBD modules loaded", script("load_modules.sh")),)

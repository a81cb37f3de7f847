"""Daemons that systemd runs: a dead one comes back where it was, and what it left is ended first.

Corosync, Pacemaker and sbd are left as they are: the cluster decides about a node that lost one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inventory.model import Inventory
from labs.roles import MachineRole
from provisioning.facts import Unit
from provisioning.files import File
from provisioning.templates import render
from provisioning.units import FOLDER

DATABASE = "postgresql@17-main.service"
"""Debian's unit for the server itself; postgresql.service only stands for all of them."""


@dataclass(frozen=True)
class Daemon:
    """A unit, and in systemd's words after which ends it is started again."""

    unit: str
    restart: Literal["always", "on-failure"] = "always"


EVERYWHERE = (Daemon(Unit.CHRONY),)

DAEMONS = {
    # The quorum device ends well when corosync is asked to end, and would start that again.
    MachineRole.NODE: (*EVERYWHERE, Daemon(Unit.QDEVICE, restart="on-failure")),
    MachineRole.MONITOR: (*EVERYWHERE, Daemon(Unit.QNETD)),
}

MONITORING = {
    MachineRole.NODE: (Daemon(Unit.ZABBIX_AGENT),),
    MachineRole.MONITOR: (
        Daemon(Unit.ZABBIX_AGENT),
        Daemon(Unit.ZABBIX_SERVER),
        Daemon(DATABASE),
        Daemon(Unit.PHP),
        Daemon(Unit.NGINX),
    ),
}
"""What machines run besides in a lab with monitoring."""


def daemons(inventory: Inventory, role: MachineRole) -> tuple[Daemon, ...]:
    """Return the daemons of a machine of this role that systemd starts again."""
    return (*DAEMONS[role], *(MONITORING[role] if inventory.monitoring else ()))


def files(inventory: Inventory, role: MachineRole) -> tuple[File, ...]:
    """Describe what is added to their units."""
    return tuple(
        File(
            f"{FOLDER}/{daemon.unit}.d/halab-daemon.conf",
            render("daemon.conf.j2", restart=daemon.restart),
        )
        for daemon in daemons(inventory, role)
    )

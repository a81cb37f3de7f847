"""Packages change when somebody wants it: no machine renews its own while it serves.

Debian's plain images do so every day, and restart what they renewed: on a node that is a failover.
"""

from __future__ import annotations

from inventory.model import Machine
from labs.roles import MachineRole
from parts.base import Found, Part
from parts.facts import ended
from parts.host import NOTES, Entry, File, Step, render
from parts.secrets import Secrets
from parts.seen import NodeSeen

RENEWING = ("apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service")
"""What renews packages by itself (apt, unattended-upgrades)."""


UPDATE_NOTE = f"{NOTES}/update/note.json"
"""Where a node notes its own update."""

READING = "update"

RESTARTS = "/etc/needrestart/conf.d/halab.conf"
"""Where needrestart, which Debian does not install by itself, reads what it leaves alone. It knows
no daemon of a cluster, and after a new libc would restart corosync below all resources."""


def is_updated(node: NodeSeen) -> bool:
    """Tell whether a node is in the middle of an update, or was left there."""
    return bool(node.told.get(READING, "").strip())


class Upkeep(Part):
    """The state of a machine's packages."""

    on_monitor = True

    def asked(self, role: MachineRole) -> tuple[str, ...]:
        """Return what may not renew them."""
        return RENEWING

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe which daemons of a node are restarted by an update of halab's alone."""
        if machine.role is not MachineRole.NODE:
            return ()
        return (File(RESTARTS, render("needrestart.conf.j2")),)

    def readings(self) -> dict[str, str]:
        """Look for an update that has not come to its end; no program runs where there is none."""
        asked = f"grep -o '\"finished\": *false' {UPDATE_NOTE}"
        return {READING: f"if [ -e {UPDATE_NOTE} ]; then {asked}; fi"}

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Stop it for good; where it was never allowed to run, nothing is done."""
        return ended("packages are renewed by nobody else", found[machine], RENEWING)

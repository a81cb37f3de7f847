"""Routes to what of a network lies beyond a machine's own subnet, as in other zones of a cloud.

Each of them leaves by the interface of that network: by any other, its packets would be taken for
forged, and the networks would not be apart.
"""

from __future__ import annotations

import shlex

from inventory.model import Interface, Machine
from labs.roles import MachineRole
from parts.base import Found, Part
from parts.host import AT_BOOT, UNITS, Entry, File, Link, Step, render
from parts.secrets import Secrets

UNIT = "halab-routes.service"
UNIT_FILE = f"{UNITS}/{UNIT}"


class Routes(Part):
    """The routes of every machine of a lab whose networks are divided; none in others."""

    node_packages = monitor_packages = ("iproute2",)
    on_monitor = True

    @property
    def _divided(self) -> bool:
        return any(
            nic.router for each in self.inventory.machines for nic in each.interfaces.values()
        )

    def packages(self, role: MachineRole) -> tuple[str, ...]:
        """Return what sets them."""
        return super().packages(role) if self._divided else ()

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit that sets them at boot."""
        return (UNIT,) if self._divided else ()

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the unit."""
        if not self._divided:
            return ()
        led = [nic for nic in machine.interfaces.values() if nic.router is not None]
        # Replication may share the interface of a link.
        text = render(
            "routes.service.j2",
            names=dict.fromkeys(nic.name for nic in led),
            commands=dict.fromkeys(map(_route, led)),
        )
        return (File(UNIT_FILE, text), Link(f"{UNITS}/{AT_BOOT}/{UNIT}", UNIT_FILE))

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Set them. Systemd must have been reloaded."""
        wanted = UNIT_FILE in written or not found[machine].unit(UNIT).active
        if not self._divided or not wanted:
            return ()
        return (Step("routes to other zones set", f"systemctl restart {UNIT}"),)


def _route(nic: Interface) -> str:
    """Return the command that sets the route of one interface."""
    words = (str(nic.peers), "via", str(nic.router), "dev", nic.name)
    return shlex.join(("/usr/bin/ip", "route", "replace", *words, "src", str(nic.address.ip)))

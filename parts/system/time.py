"""Time: the monitor is everybody's source, so that the machines agree among themselves."""

from __future__ import annotations

from inventory.model import Machine
from labs.roles import MachineRole, NetworkRole
from parts.base import Found, Part
from parts.daemons import Daemon
from parts.host import AT_BOOT, Entry, File, Step, render, unit_link
from parts.secrets import Secrets

CONFIGURATION = "/etc/chrony/chrony.conf"
UNIT = "chrony.service"


class Time(Part):
    """Chrony on all machines."""

    node_packages = monitor_packages = ("chrony",)
    on_monitor = True

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return chrony's unit."""
        return (UNIT,)

    def daemons(self, role: MachineRole) -> tuple[Daemon, ...]:
        """Return chrony."""
        return (Daemon(UNIT),)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe chrony's configuration.

        No servers on the internet and no rtcsync: machines of a restored snapshot agree on the time
        of the day it was taken, and nothing may pull a single one of them away from it. In a cloud
        there are no snapshots, and nobody is heard whose clock is minutes from the cloud's own: the
        monitor follows that.
        """
        cloud = self.inventory.cloud
        source = self.inventory.monitor.interfaces[NetworkRole.MANAGEMENT]
        text = render(
            "chrony.conf.j2",
            followed=cloud.clock if cloud else None,
            serves=machine.role is MachineRole.MONITOR,
            server=source.address.ip,
            clients=source.peers,
        )
        return File(CONFIGURATION, text), unit_link(UNIT, AT_BOOT)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make chrony run with its present configuration."""
        if CONFIGURATION not in written and found[machine].unit(UNIT).active:
            return ()
        return (Step("chrony follows the lab's clock", "systemctl --no-block restart chrony"),)

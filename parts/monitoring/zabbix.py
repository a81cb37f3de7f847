"""Monitoring: Zabbix's server on the monitor, its agents everywhere, and Pacemaker's events."""

from __future__ import annotations

from inventory.model import Machine
from labs.roles import MachineRole
from parts.base import Found, Part
from parts.daemons import Daemon
from parts.host import Entry, File, Step
from parts.monitoring import agent, server
from parts.secrets import Secrets
from parts.settings import Alert
from parts.watched import Column, Place, Watched, watched

NAME = "monitoring"
"""Id of the alert in the cluster's configuration."""

TIMEOUT_S = 15
"""The alert's program sends in the background: it has done its part long before."""

DATABASE = "postgresql@17-main.service"
"""Debian's unit for the server itself; postgresql.service only stands for all of them."""

DAEMONS = {
    MachineRole.NODE: (Daemon(agent.AGENT),),
    MachineRole.MONITOR: (
        Daemon(agent.AGENT),
        Daemon(server.ZABBIX),
        Daemon(DATABASE),
        Daemon(server.PHP_FPM),
        Daemon(server.WEB),
    ),
}

_AGENTS = ("zabbix-agent2", "zabbix-sender")

UNITS = {
    MachineRole.NODE: (agent.AGENT, agent.COLLECTOR_TIMER),
    MachineRole.MONITOR: (agent.AGENT, *server.UNITS),
}


class Zabbix(Part):
    """Monitoring; in a lab without, what stops that of an earlier one."""

    on_monitor = True
    node_packages = _AGENTS
    # Named, php8.4-fpm keeps apt from taking Apache, which is PHP's first choice.
    monitor_packages = (
        *_AGENTS,
        "locales",
        "nginx",
        "php8.4-fpm",
        "php8.4-pgsql",
        "postgresql",
        "zabbix-frontend-php",
        "zabbix-server-pgsql",
    )
    monitor_prepared = server.CREATE_DATABASE

    @property
    def _wanted(self) -> bool:
        return self.inventory.monitoring is not None

    def packages(self, role: MachineRole) -> tuple[str, ...]:
        """Return agents, and on the monitor all that the server needs."""
        return super().packages(role) if self._wanted else ()

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the units that monitoring runs on a machine."""
        return UNITS[role] if self._wanted else ()

    def asked(self, role: MachineRole) -> tuple[str, ...]:
        """Return the units that a lab without monitoring does not need."""
        return () if self._wanted else UNITS[role]

    def watched(self, role: MachineRole) -> tuple[str, ...]:
        """Return server and agent on the monitor; those of nodes are missed by the server."""
        wanted = self._wanted and role is MachineRole.MONITOR
        return ("zabbix-server", "zabbix-agent2") if wanted else ()

    def daemons(self, role: MachineRole) -> tuple[Daemon, ...]:
        """Return the agent, and on the monitor the server with all that it needs."""
        return DAEMONS[role] if self._wanted else ()

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe what stands on a machine for good."""
        if not self._wanted:
            return ()
        common = agent.files(self.inventory, machine, secrets)
        if machine.role is MachineRole.NODE:
            return common
        return (*common, *server.files(self.inventory, secrets))

    def delivery(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[File, ...]:
        """Describe the monitor's passwords, when it has others."""
        if not self._wanted or machine.role is MachineRole.NODE:
            return ()
        return server.delivery(found[machine], secrets)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make everything run on the monitor; on a node do what Pacemaker's alerts depend on."""
        facts = found[machine]
        node = machine.role is MachineRole.NODE
        if not self._wanted:
            return agent.stop(facts) if node else (*server.stop(facts), *agent.stop(facts))
        if node:
            return agent.prepare(written)
        return (
            *server.create_database(facts),
            *server.start(facts, written),
            *agent.start(machine, facts, written),
        )

    def report(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Make a node's agent run, last."""
        if not self._wanted or machine.role is MachineRole.MONITOR:
            return ()
        return agent.start(machine, found[machine], written)

    def monitored(self) -> tuple[Watched, ...]:
        """Watch what every lab has: machines, nodes, the cluster, and where clients are served."""
        alone = self.inventory.has_one_address
        return (
            *map(watched, ("machine", "node", "cluster")),
            watched("addresses", alone=alone),
        )

    def columns(self) -> tuple[Column, ...]:
        """Show what every node has."""
        alone = self.inventory.has_one_address
        return (
            Column(Place.STATE, "State", "State in the cluster"),
            Column(Place.VOTES, "Quorate", "Quorate"),
            Column(Place.LINKS, "Link 0", "Link 0"),
            Column(Place.LINKS, "Link 1", "Link 1"),
            Column(Place.ADDRESSES, "Address", "Holds the service address")
            if alone
            else Column(Place.ADDRESSES, "Addresses", "Service addresses"),
        )

    def alerts(self) -> tuple[Alert, ...]:
        """Return whom the cluster tells its events."""
        if not self._wanted:
            return ()
        return (Alert(NAME, agent.ALERT, TIMEOUT_S, select=("nodes", "fencing", "resources")),)

"""What machines shall be and what follows from how they were found: facts in, files and steps out.

Nothing here asks or changes a machine. `sequence` carries a plan out; `drift` compares with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from provisioning import (
    chrony,
    cib,
    corosync,
    daemons,
    drbd,
    firewall,
    keys,
    monitoring,
    nginx,
    pacemaker,
    packages,
    qdevice,
    reserve,
    sbd,
    units,
)
from provisioning.facts import Facts, Unit
from provisioning.files import File, Folder, Link
from provisioning.secrets import Secrets
from provisioning.steps import Step


@dataclass(frozen=True)
class Plan:
    """What was found on all machines, and what follows from it for each of them."""

    inventory: Inventory
    secrets: Secrets = field(repr=False)
    found: dict[str, Facts]
    first: Facts
    cluster_runs: bool
    corosync_conf: str

    @classmethod
    def of(cls, inventory: Inventory, secrets: Secrets, found: dict[str, Facts]) -> Plan:
        """Return the plan for machines that were found like this."""
        nodes = [found[node.name] for node in inventory.nodes]
        return cls(
            inventory=inventory,
            secrets=secrets,
            found=found,
            first=nodes[0],
            cluster_runs=any(facts.cluster_runs for facts in nodes),
            corosync_conf=corosync.next_configuration(
                inventory, [facts.corosync_conf for facts in nodes]
            ),
        )

    def to_stop(self) -> tuple[Machine, ...]:
        """Return the nodes whose cluster must stop, because its daemons keep what they read."""
        nodes = self.inventory.nodes
        running = [node for node in nodes if pacemaker.stop(self.found[node.name])]
        if any(sbd.needs_stopped_cluster(self.inventory, self.found[n.name]) for n in nodes):
            return tuple(running)
        others = keys.holders_of_others(self.inventory, self.secrets, self.found)
        return tuple(n for n in running if n in others or sbd.is_missing(self.found[n.name]))

    def packages(self, machine: Machine) -> tuple[str, ...]:
        """Return the packages that a machine lacks."""
        wanted = packages.wanted(machine.role, monitoring=self.inventory.monitoring is not None)
        return packages.missing(wanted, self.found[machine.name])

    def files(self, machine: Machine) -> tuple[File | Link | Folder, ...]:
        """Return what stands on a machine for good."""
        return standing_files(self.inventory, self.secrets, machine, self.corosync_conf)

    def delivery(self, machine: Machine) -> tuple[File, ...]:
        """Return files that only travel: none when what they bring is there already."""
        facts = self.found[machine.name]
        return (
            *qdevice.delivery(self.inventory, machine, self.secrets, facts),
            *firewall.delivery(self.inventory, machine, facts),
            *monitoring.delivery(self.inventory, machine, self.secrets, facts),
        )

    def steps(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what follows on a machine alone; `written` are its files that had to be."""
        facts = self.found[machine.name]
        certificates = qdevice.import_certificates(self.inventory, machine, written)
        steps: list[Step] = [*certificates]
        steps += units.allow(facts, self._units(machine))
        steps += units.reload(written)
        steps += firewall.start(self.inventory, facts, written)
        if machine.role is MachineRole.MONITOR:
            steps += qdevice.start(facts, bool(certificates))
            steps += chrony.start(facts, written)
            steps += monitoring.start_monitor(self.inventory, facts, self.secrets, written)
        else:
            steps += self._node_steps(machine, facts, written)
        return steps

    def _node_steps(self, machine: Machine, facts: Facts, written: frozenset[str]) -> list[Step]:
        first = drbd.first_node(self.inventory, machine)
        steps: list[Step] = [*reserve.start(facts)]
        steps += monitoring.prepare_node(self.inventory, facts, written)
        steps += sbd.load_watchdog(facts, written)
        if first:
            steps += sbd.initialise(self.inventory, facts)
        steps += drbd.attach(facts, self.first, self.cluster_runs)
        steps += drbd.check_handler(written)
        steps += nginx.leave_to_cluster(facts)
        steps += chrony.start(facts, written)
        steps += drbd.adjust(facts, written)
        steps += drbd.grow(facts)
        steps += nginx.reload(facts, written)
        steps += corosync.reload(facts, written, first=first)
        return steps

    def membership(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what makes a configured node a member; the first one makes the filesystem too."""
        facts = self.found[machine.name]
        steps: list[Step] = []
        if drbd.first_node(self.inventory, machine):
            steps += drbd.initialise(self.inventory, facts, self.cluster_runs)
        steps += pacemaker.start_membership(facts)
        steps += qdevice.restart(facts, written)
        return steps

    def start(self, machine: Machine) -> list[Step]:
        """Return what starts the cluster on a node that is a member."""
        return [*pacemaker.start(self.found[machine.name])]

    def forgive(self, machine: Machine, mended: frozenset[str]) -> list[Step]:
        """Return what ends the consequences of drift; `mended` are the machines that were changed.

        What failed on a node while it was wrong is no reason any more to keep resources from it.
        """
        if not self.found[machine.name].cluster_runs or machine.name not in mended:
            return []
        return [*pacemaker.forgive(machine)]

    def report(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what makes a node's monitoring agent run."""
        facts = self.found[machine.name]
        return [*monitoring.start_node(self.inventory, machine, facts, written)]

    def _units(self, machine: Machine) -> tuple[Unit, ...]:
        """Return the units that have to run on a machine."""
        return (
            Unit.CHRONY,
            *((Unit.FIREWALL,) if self.inventory.firewall.enabled else ()),
            *(
                (Unit.QNETD,)
                if machine.role is MachineRole.MONITOR
                else (Unit.RESERVE, *pacemaker.UNITS)
            ),
            *(monitoring.units(machine) if self.inventory.monitoring is not None else ()),
        )


def standing_files(
    inventory: Inventory, secrets: Secrets, machine: Machine, corosync_conf: str
) -> tuple[File | Link | Folder, ...]:
    """Return the files that stand on a machine for good, however it was found."""
    files = (
        *firewall.files(inventory),
        *chrony.files(inventory, machine),
        *qdevice.serving(machine),
        *daemons.files(inventory, machine.role),
        *monitoring.files(inventory, machine, secrets),
    )
    if machine.role is MachineRole.MONITOR:
        return files
    return (
        *files,
        *corosync.files(corosync_conf, secrets),
        *qdevice.registration(inventory),
        *sbd.files(inventory),
        *drbd.files(inventory, secrets),
        *nginx.files(inventory),
        *pacemaker.files(inventory),
        *reserve.files(machine),
    )


def digest(inventory: Inventory, secrets: Secrets) -> str:
    """Identify all that machines, cluster and monitoring are told, and nothing else.

    It is the same for every version of halab that would deliver the same.
    """
    told = hashlib.sha256()

    def add(*things: object) -> None:
        told.update(repr(things).encode() + b"\n")

    for machine in inventory.machines:
        monitored = inventory.monitoring is not None
        add(machine.name, packages.wanted(machine.role, monitoring=monitored))
        add(firewall.rules(inventory, machine) if inventory.firewall.enabled else None)
        first_conf = corosync.configuration(inventory, version=1)
        for file in standing_files(inventory, secrets, machine, first_conf):
            add(file.path, _essence(file))
    add(cib.desired(inventory), sbd.wanted(inventory))
    add(monitoring.description(inventory, secrets))
    return told.hexdigest()


def _essence(file: File | Link | Folder) -> object:
    if isinstance(file, Folder):
        return None
    if isinstance(file, Link):
        return file.target
    return file.data, file.mode, file.owner, file.source, file.edits

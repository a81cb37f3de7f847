"""What machines shall be and what follows from how they were found: facts in, files and steps out.

Nothing here asks or changes a machine. `sequence` carries a plan out; `drift` compares with it.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.errors import HalabError
from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from parts.all import Parts
from parts.base import Found
from parts.facts import Facts
from parts.host import UNITS, Entry, File, Folder, Link, Step
from parts.secrets import Secrets
from parts.system import firewall
from provisioning import cib, monitoring, pacemaker, packages


@dataclass(frozen=True)
class Plan:
    """What was found on all machines, and what follows from it for each of them."""

    parts: Parts
    secrets: Secrets = field(repr=False)
    found: Found

    @classmethod
    def of(cls, parts: Parts, secrets: Secrets, facts: Mapping[str, Facts]) -> Plan:
        """Return the plan for machines that were found like this."""
        nodes = tuple(node.name for node in parts.inventory.nodes)
        return cls(parts, secrets, Found(facts, nodes))

    @property
    def inventory(self) -> Inventory:
        """The lab."""
        return self.parts.inventory

    def with_facts(self, machine: Machine, facts: Facts) -> Plan:
        """Return the plan when one machine was found otherwise."""
        return Plan.of(self.parts, self.secrets, {**self.found.facts, machine.name: facts})

    def to_stop(self) -> tuple[Machine, ...]:
        """Return the nodes whose cluster must stop, because its daemons keep what they read."""
        return tuple(
            node
            for node in self.inventory.nodes
            if pacemaker.stop(self.found[node])
            and any(part.must_stop(node, self.secrets, self.found) for part in self.parts.every)
        )

    def packages(self, machine: Machine) -> tuple[str, ...]:
        """Return the packages that a machine lacks."""
        return packages.missing(packages.wanted(self.parts, machine.role), self.found[machine])

    def files(self, machine: Machine) -> tuple[Entry, ...]:
        """Return what stands on a machine for good."""
        return standing_files(self.parts, self.secrets, machine, self.found)

    def delivery(self, machine: Machine) -> tuple[File, ...]:
        """Return files that only travel: none when what they bring is there already."""
        return tuple(
            file
            for part in self.parts.on(machine.role)
            for file in part.delivery(machine, self.secrets, self.found)
        )

    def steps(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what follows on a machine alone; `written` are its files that had to be."""
        facts = self.found[machine]
        steps = [*_allow(facts, self._units(machine)), *_reload(written)]
        steps += _leave_to_cluster(facts, self._strangers(machine))
        for part in self.parts.on(machine.role):
            steps += part.configure(machine, self.found, written)
        return steps

    def admission(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what a running cluster learns once all machines are configured."""
        steps = [
            step
            for part in self.parts.on(machine.role)
            for step in part.admit(machine, self.found, written)
        ]
        return [*steps, *self._exclusions(machine)]

    def membership(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what makes a configured node a member, and what its data begin with.

        Of the monitor: what it does no more for the members.
        """
        steps: list[Step] = []
        concerned = self.parts.on(machine.role)
        for part in concerned:
            steps += part.prepare_data(machine, self.found, written)
        for part in concerned:
            steps += part.join(machine, self.found, written)
        return steps

    def start(self, machine: Machine) -> list[Step]:
        """Return what starts the cluster on a node that is a member."""
        return [
            step for part in self.parts.on(machine.role) for step in part.start(machine, self.found)
        ]

    def welcome(self, machine: Machine) -> list[Step]:
        """Return what takes a new node into service; nothing on any other."""
        if not self.found.is_new(machine):
            return []
        return [step for part in self.parts.every for step in part.welcome(machine, self.found)]

    def forgive(self, machine: Machine, mended: frozenset[str]) -> list[Step]:
        """Return what ends the consequences of drift; `mended` are the machines that were changed.

        What failed on a node while it was wrong is no reason any more to keep resources from it.
        """
        if not self.found[machine].cluster_runs or machine.name not in mended:
            return []
        command = f"crm_resource --cleanup --node {shlex.quote(machine.name)}"
        return [Step(f"failures on {machine.name} forgotten", command)]

    def report(self, machine: Machine, written: frozenset[str]) -> list[Step]:
        """Return what can wait until the service runs."""
        return [
            step
            for part in self.parts.on(machine.role)
            for step in part.report(machine, self.found, written)
        ]

    def _exclusions(self, machine: Machine) -> tuple[Step, ...]:
        """Return what a cluster that runs must know before a new node joins; one node tells it."""
        nodes = self.inventory.nodes
        running = [node for node in nodes if self.found[node].cluster_runs and self.found[node].cib]
        if machine not in running[:1] or not any(map(self.found.is_new, nodes)):
            return ()
        return cib.exclusions(self.found[machine].cib, self.parts)

    def _units(self, machine: Machine) -> tuple[str, ...]:
        return tuple(
            unit for part in self.parts.on(machine.role) for unit in part.units(machine.role)
        )

    def _strangers(self, machine: Machine) -> tuple[str, ...]:
        wanted = set(self._units(machine))
        concerned = self.parts.on(machine.role)
        found = (unit for part in concerned for unit in part.strangers(machine.role))
        return tuple(unit for unit in dict.fromkeys(found) if unit not in wanted)


def standing_files(
    parts: Parts, secrets: Secrets, machine: Machine, found: Found
) -> tuple[Entry, ...]:
    """Return the files that stand on a machine for good, each once.

    Raises HalabError when two parts want different things at one path.
    """
    files: dict[str, Entry] = {}
    concerned = parts.on(machine.role)
    wanted: list[Entry] = [
        file for part in concerned for file in part.files(machine, secrets, found)
    ]
    wanted += [daemon.file for part in concerned for daemon in part.daemons(machine.role)]
    if machine.role is MachineRole.NODE:
        wanted.append(pacemaker.seed(parts))
    for file in wanted:
        if files.setdefault(file.path, file) != file:
            raise HalabError(f"two parts of lab {parts.inventory.lab!r} want {file.path}")
    return tuple(files.values())


def digest(inventory: Inventory, secrets: Secrets) -> str:
    """Identify all that machines, cluster and monitoring are told, and nothing else.

    It is the same for every version of halab that would deliver the same.
    """
    told = hashlib.sha256()
    parts, nobody = Parts(inventory), Found({}, ())

    def add(*things: object) -> None:
        told.update(repr(things).encode() + b"\n")

    for machine in inventory.machines:
        add(machine.name, packages.wanted(parts, machine.role))
        add(firewall.rules(inventory, machine) if inventory.firewall.enabled else None)
        for file in standing_files(parts, secrets, machine, nobody):
            add(file.path, _essence(file))
    add(cib.desired(parts))
    add(inventory.timing.watchdog_s, inventory.timing.msgwait_s)
    add(monitoring.description(parts, secrets))
    return told.hexdigest()


def _essence(file: Entry) -> object:
    if isinstance(file, Folder):
        return None
    if isinstance(file, Link):
        return file.target
    return file.data, file.mode, file.owner, file.source, file.edits


def _allow(facts: Facts, needed: Iterable[str]) -> Iterable[Step]:
    """Let systemd start what somebody forbade it to start."""
    found = [unit for unit in needed if facts.unit(unit).masked]
    if found:
        names = " ".join(found)
        command = f"systemctl unmask {names}\nsystemctl unmask --runtime {names}"
        yield Step(f"may start again: {', '.join(found)}", command)


def _reload(written: frozenset[str]) -> Iterable[Step]:
    """Make systemd see changed links and drop-ins before it starts what they are about."""
    if any(path.startswith(UNITS) for path in written):
        yield Step("systemd knows the units", "systemctl daemon-reload")


def _leave_to_cluster(facts: Facts, strangers: Iterable[str]) -> Iterable[Step]:
    """Keep systemd from starting what only Pacemaker may start."""
    found = [
        unit
        for unit in strangers
        if facts.unit(unit).enabled or (facts.unit(unit).active and not facts.cluster_runs)
    ]
    if found:
        names = " ".join(found)
        yield Step(f"left to Pacemaker: {names}", f"systemctl disable --now {names}")

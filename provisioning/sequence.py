"""The order in which machines are configured; what can happen side by side does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TypeVar

from core.errors import HalabError
from core.saying import Say
from core.wait import WaitTimeout, retry, wait_until
from inventory.model import Inventory, Machine
from machines.remote import Remote, RemoteUnreachable
from parts.all import Parts
from parts.facts import Facts
from parts.host import Step
from parts.secrets import Secrets
from provisioning import admission, firewall, monitoring, pacemaker, packages
from provisioning.facts import look
from provisioning.files import ensure_files
from provisioning.plan import Plan
from provisioning.steps import run_steps

Answer = TypeVar("Answer")

_FEW = 8
"""How many files are named: more than a change of a definition touches on a machine. A choice."""


@dataclass(frozen=True)
class Change:
    """Something that provisioning did, and where."""

    host: str
    what: str


def apply(inventory: Inventory, secrets: Secrets, report: Say) -> tuple[Change, ...]:
    """Make the machines what the inventory says and start the cluster on them.

    Waits for machines that still boot. Returns what was changed: nothing when all was right.
    `report` hears short sentences, from several threads. Whether the cluster is healthy in the end
    is for `status` to say. Raises HalabError, before anything is written, for a membership that a
    running cluster cannot take over.
    """
    with ExitStack() as stack:
        remotes = {m.name: stack.enter_context(Remote(m)) for m in inventory.machines}
        pool = stack.enter_context(ThreadPoolExecutor(len(remotes)))
        return _Run(Parts(inventory), secrets, report, remotes, pool).apply()


@dataclass(frozen=True)
class _Run:
    """One application of an inventory."""

    parts: Parts
    secrets: Secrets
    report: Say
    remotes: dict[str, Remote]
    pool: ThreadPoolExecutor
    interrupted: Event = field(default_factory=Event)
    turn: Lock = field(default_factory=Lock)
    """Whoever has it does what machines do one after the other."""
    written: dict[str, frozenset[str]] = field(default_factory=dict)
    """Files that had to be written, by machine."""

    @property
    def inventory(self) -> Inventory:
        return self.parts.inventory

    def apply(self) -> tuple[Change, ...]:
        machines, nodes = self.inventory.machines, self.inventory.nodes
        found = dict(zip_names(machines, self._everywhere(self._look, machines)))
        plan = Plan.of(self.parts, self.secrets, found)
        changes: list[Change] = []
        stopping = plan.to_stop()
        admission.check(plan, stopping)
        if stopping:
            changes += self._stop(stopping, found)
            found = found | dict(zip_names(stopping, self._everywhere(self._look, stopping)))
            plan = Plan.of(self.parts, self.secrets, found)

        for done in self._everywhere(lambda m: self._configure(m, plan), machines):
            changes += done
        # Zabbix starts and is configured while the cluster starts.
        watching = self.pool.submit(self._watch)
        try:
            changes += self._on_nodes(plan.admission)
            changes += self._on(machines, plan.membership)
            started = self._on_nodes(lambda node, _: plan.start(node))
            changes += [*started, *self._resources(nodes[0])]
            # By now the cluster can fence a new node, whatever is to run on it.
            changes += self._on_nodes(lambda node, _: plan.welcome(node))
            changes += self._on_nodes(lambda node, _: plan.forgive(node, _places(changes)))
            if started:
                self._await_services()
            changes += self._on_nodes(plan.report)
        except BaseException:
            self.interrupted.set()
            raise
        return (*changes, *watching.result())

    def _everywhere(
        self, task: Callable[[Machine], Answer], machines: Iterable[Machine]
    ) -> list[Answer]:
        """Do something on all machines at once; the first failure is raised when all have ended."""
        running = [self.pool.submit(task, machine) for machine in machines]
        try:
            errors = [error for error in (future.exception() for future in running) if error]
        except BaseException:
            # Ctrl-C: nobody may be left waiting for a machine.
            self.interrupted.set()
            for remote in self.remotes.values():
                remote.close()
            raise
        if errors:
            raise errors[0]
        return [future.result() for future in running]

    def _look(self, machine: Machine) -> Facts:
        """Wait until a machine answers and look at it."""
        facts = retry(
            lambda: self._read(machine),
            RemoteUnreachable,
            what=f"{machine.name} answers over ssh",
            timeout=self.inventory.timing.boot_wait_s,
            interval=0.5,
            hint=f"look at {machine.name}'s console: did it boot?",
        )
        self.report(f"{machine.name}: answers")
        return facts

    def _another(self, machine: Machine) -> Remote:
        """Return a connection of its own to a machine."""
        if self.interrupted.is_set():
            raise HalabError(f"interrupted while trying {machine.name}'s firewall rules")
        return Remote(machine, connect_timeout=self.inventory.timing.ssh_wait_s)

    def _read(self, machine: Machine) -> Facts:
        if self.interrupted.is_set():
            raise HalabError(f"interrupted while waiting for {machine.name}")
        return look(self.parts, self.remotes[machine.name])

    def _stop(self, nodes: tuple[Machine, ...], found: dict[str, Facts]) -> list[Change]:
        names = ", ".join(node.name for node in nodes)
        self.report(f"fencing or keys change: the cluster is restarted on {names}")
        stopped = self._everywhere(
            lambda node: self._run(node, pacemaker.stop(found[node.name])), nodes
        )
        return [change for done in stopped for change in done]

    def _configure(self, machine: Machine, plan: Plan) -> list[Change]:
        """Packages, files, and all that does not depend on another machine."""
        remote = self.remotes[machine.name]
        changes: list[Change] = []
        absent = plan.packages(machine)
        if absent:
            self.report(f"{machine.name}: installing {len(absent)} packages")
            packages.ensure_installed(remote, absent)
            changes += self._note(machine, (f"packages installed: {' '.join(absent)}",))
            plan = plan.with_facts(machine, self._look(machine))

        delivered = plan.delivery(machine)
        travelling = frozenset(file.path for file in delivered)
        # A run that was killed may have delivered the same, and never used it.
        written = ensure_files(remote, [*plan.files(machine), *delivered]) | travelling
        self.written[machine.name] = written
        paths = sorted(written - travelling)
        changes += self._note(machine, _written(paths))
        # Before anything listens, and while nothing can be lost by it.
        tried = firewall.apply_on_trial(
            self.inventory, remote, lambda: self._another(machine), written
        )
        changes += self._note(machine, tried)
        return changes + self._run(machine, plan.steps(machine, written))

    def _on_nodes(self, steps: Callable[[Machine, frozenset[str]], list[Step]]) -> list[Change]:
        """Run on every node what follows, also from the files that were written there."""
        return self._on(self.inventory.nodes, steps)

    def _on(
        self,
        machines: Iterable[Machine],
        steps: Callable[[Machine, frozenset[str]], list[Step]],
    ) -> list[Change]:
        done = self._everywhere(
            lambda each: self._run(each, steps(each, self.written[each.name])), machines
        )
        return [change for changes in done for change in changes]

    def _watch(self) -> list[Change]:
        """Tell Zabbix what to watch."""
        if self.inventory.monitoring is None:
            return []
        monitor = self.inventory.monitor
        remote = self.remotes[monitor.name]
        done = monitoring.configure(remote, self.parts, self.secrets, self.interrupted.is_set)
        return self._note(monitor, done)

    def _resources(self, machine: Machine) -> list[Change]:
        done = pacemaker.ensure_configured(self.remotes[machine.name], self.parts)
        return self._note(machine, done)

    def _await_services(self) -> None:
        """Wait until the services answer the monitor, if they do so in time.

        Asking the monitor costs the nodes nothing while they are busy starting; a reading of the
        whole lab slows them down considerably. If a service stays away, `status` tells why.
        """
        remote = self.remotes[self.inventory.monitor.name]
        questions = [
            part.question(address.ip)
            for part in self.parts.services.values()
            for address in part.service.addresses
        ]
        try:
            wait_until(
                lambda: remote.run(" && ".join(questions), check=False).status,
                lambda status: status == 0,
                what="every service answers",
                timeout=self.inventory.timing.healthy_wait_s,
            )
        except WaitTimeout as error:
            self.report(error.message)
        else:
            answer = "the service answers" if len(questions) == 1 else "all services answer"
            self.report(f"{remote.name}: {answer}")

    def _run(self, machine: Machine, steps: Iterable[Step]) -> list[Change]:
        timeout, steps = 60.0 * self.inventory.timing.pace, tuple(steps)
        with self.turn if any(step.in_turn for step in steps) else nullcontext():
            if self.interrupted.is_set():
                raise HalabError(f"interrupted before {machine.name} was changed")
            done = run_steps(self.remotes[machine.name], steps, timeout=timeout)
        return self._note(machine, done)

    def _note(self, machine: Machine, done: Iterable[str]) -> list[Change]:
        changes = [Change(machine.name, what) for what in done]
        for change in changes:
            self.report(f"{change.host}: {change.what}")
        return changes


def _places(changes: list[Change]) -> frozenset[str]:
    return frozenset(change.host for change in changes)


def zip_names(machines: Iterable[Machine], answers: list[Answer]) -> Iterable[tuple[str, Answer]]:
    """Pair every machine's name with its answer."""
    return zip((machine.name for machine in machines), answers, strict=True)


def _written(paths: Sequence[str]) -> list[str]:
    """Say which files were written: each of a few, which a change was; else how many."""
    if len(paths) > _FEW:
        return [f"{len(paths)} files written"]
    return [f"{path} written" for path in paths]

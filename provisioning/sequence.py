"""The order in which machines are configured; what can happen side by side does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event
from typing import TypeVar

from core.errors import HalabError
from core.wait import WaitTimeout, wait_until
from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from provisioning import (
    chrony,
    corosync,
    drbd,
    firewall,
    monitoring,
    nginx,
    pacemaker,
    packages,
    qdevice,
    sbd,
    units,
)
from provisioning.facts import Facts, read_facts
from provisioning.files import File, Link, ensure_files
from provisioning.remote import Remote, RemoteUnreachable
from provisioning.secrets import Secrets
from provisioning.steps import Step, run_steps

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Change:
    """Something that provisioning did, and where."""

    host: str
    what: str


def apply(
    inventory: Inventory, secrets: Secrets, report: Callable[[str], None]
) -> tuple[Change, ...]:
    """Make the machines what the inventory says and start the cluster on them.

    Waits for machines that still boot. Returns what was changed: nothing when all was right.
    `report` hears short sentences, from several threads. Whether the cluster is healthy in the end
    is for `status` to say.
    """
    with ExitStack() as stack:
        remotes = {m.name: stack.enter_context(Remote(m)) for m in inventory.machines}
        pool = stack.enter_context(ThreadPoolExecutor(len(remotes)))
        return _Run(inventory, secrets, report, remotes, pool).apply()


@dataclass(frozen=True)
class _Run:
    """One application of an inventory."""

    inventory: Inventory
    secrets: Secrets
    report: Callable[[str], None]
    remotes: dict[str, Remote]
    pool: ThreadPoolExecutor
    interrupted: Event = field(default_factory=Event)

    def apply(self) -> tuple[Change, ...]:
        machines, nodes = self.inventory.machines, self.inventory.nodes
        found = dict(zip_names(machines, self._everywhere(self._look, machines)))
        changes: list[Change] = []
        stopping = self._stop_where_needed(found)
        if stopping:
            changes += stopping
            found |= dict(zip_names(nodes, self._everywhere(self._look, nodes)))
        state = _State.of(self.inventory, found)

        for done in self._everywhere(lambda m: self._configure(m, state), machines):
            changes += done
        # Zabbix starts and is configured while the cluster starts.
        watching = self.pool.submit(self._watch)
        try:
            for done in self._everywhere(lambda m: self._begin(m, state), nodes):
                changes += done
            started: list[Change] = []
            for done in self._everywhere(lambda m: self._start(m, state), nodes):
                started += done
            changes += [*started, *self._resources(nodes[0])]
            if started:
                self._await_service()
            for done in self._everywhere(lambda m: self._report(m, state), nodes):
                changes += done
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
        wanted = self._packages(machine)
        disk = self.inventory.disks.sbd if machine.role is MachineRole.NODE else None
        remote = self.remotes[machine.name]
        facts = wait_until(
            lambda: self._read(remote, wanted, disk),
            lambda _: True,
            what=f"{machine.name} answers over ssh",
            timeout=self.inventory.timing.boot_wait_s,
            interval=0.5,
            retry_on=(RemoteUnreachable,),
            hint=f"look at {machine.name}'s console: did it boot?",
        )
        self.report(f"{machine.name}: answers")
        return facts

    def _another(self, machine: Machine) -> Remote:
        """Return a connection of its own to a machine."""
        if self.interrupted.is_set():
            raise HalabError(f"interrupted while trying {machine.name}'s firewall rules")
        return Remote(machine, connect_timeout=self.inventory.timing.ssh_wait_s)

    def _read(self, remote: Remote, wanted: tuple[str, ...], disk: str | None) -> Facts:
        if self.interrupted.is_set():
            raise HalabError(f"interrupted while waiting for {remote.name}")
        return read_facts(remote, wanted, disk)

    def _stop_where_needed(self, found: dict[str, Facts]) -> list[Change]:
        """Stop the cluster when its fencing timeouts change: running daemons keep the old ones."""
        nodes = self.inventory.nodes
        runs = any(pacemaker.stop(found[node.name]) for node in nodes)
        differs = any(sbd.needs_stopped_cluster(self.inventory, found[n.name]) for n in nodes)
        if not (runs and differs):
            return []
        self.report("fencing timeouts change: the whole cluster is restarted")
        stopped = self._everywhere(
            lambda node: self._run(node, pacemaker.stop(found[node.name])), nodes
        )
        return [change for done in stopped for change in done]

    def _configure(self, machine: Machine, state: _State) -> list[Change]:
        """Packages, files, and all that does not depend on another machine."""
        remote = self.remotes[machine.name]
        facts = state.found[machine.name]
        changes: list[Change] = []
        absent = packages.missing(self._packages(machine), facts)
        if absent:
            self.report(f"{machine.name}: installing {len(absent)} packages")
            packages.ensure_installed(remote, absent)
            changes += self._note(machine, (f"packages installed: {' '.join(absent)}",))
            facts = state.found[machine.name] = self._look(machine)

        delivered: tuple[File, ...] = (
            *qdevice.delivery(self.inventory, machine, self.secrets, facts),
            *firewall.delivery(self.inventory, machine, facts),
            *monitoring.delivery(self.inventory, machine, self.secrets, facts),
        )
        written = ensure_files(remote, [*self._files(machine, state), *delivered])
        state.written[machine.name] = written
        paths = sorted(written - {file.path for file in delivered})
        changes += self._note(machine, [f"{path} written" for path in paths])
        # Before anything listens, and while nothing can be lost by it.
        tried = firewall.apply_on_trial(
            self.inventory, remote, lambda: self._another(machine), written
        )
        changes += self._note(machine, tried)
        certificates = qdevice.import_certificates(self.inventory, machine, written)
        steps: list[Step] = [*certificates]
        steps += units.reload(written)
        steps += firewall.start(self.inventory, facts, written)
        if machine.role is MachineRole.MONITOR:
            steps += qdevice.start(facts, bool(certificates))
            steps += chrony.start(facts, written)
            steps += monitoring.start_monitor(self.inventory, facts, self.secrets, written)
        else:
            steps += self._node_steps(machine, state, facts, written)
        return changes + self._run(machine, steps)

    def _files(self, machine: Machine, state: _State) -> tuple[File | Link, ...]:
        files = (
            *firewall.files(self.inventory),
            *chrony.files(self.inventory, machine),
            *qdevice.serving(machine),
            *monitoring.files(self.inventory, machine, self.secrets),
        )
        if machine.role is MachineRole.MONITOR:
            return files
        return (
            *files,
            *corosync.files(state.corosync_conf, self.secrets),
            *sbd.files(self.inventory),
            *drbd.files(self.inventory, self.secrets),
            *nginx.files(self.inventory),
            *pacemaker.files(self.inventory),
        )

    def _node_steps(
        self, machine: Machine, state: _State, facts: Facts, written: frozenset[str]
    ) -> list[Step]:
        first = drbd.first_node(self.inventory, machine)
        steps: list[Step] = [*monitoring.prepare_node(self.inventory, facts, written)]
        steps += sbd.load_watchdog(facts, written)
        if first:
            steps += sbd.initialise(self.inventory, facts)
        steps += drbd.attach(facts, state.first, state.cluster_runs)
        steps += drbd.check_handler(written)
        steps += nginx.leave_to_cluster(facts)
        steps += chrony.start(facts, written)
        steps += drbd.adjust(facts, written)
        steps += nginx.reload(facts, written)
        steps += corosync.reload(facts, written, first=first)
        return steps

    def _begin(self, machine: Machine, state: _State) -> list[Change]:
        """Start membership; the first node makes the filesystem at the same time."""
        facts = state.found[machine.name]
        membership = pacemaker.start_membership(facts)
        if not drbd.first_node(self.inventory, machine):
            return self._run(machine, membership)
        replication = drbd.initialise(self.inventory, facts, state.cluster_runs)
        return self._run(machine, [*replication, *membership])

    def _start(self, machine: Machine, state: _State) -> list[Change]:
        return self._run(machine, pacemaker.start(state.found[machine.name]))

    def _report(self, machine: Machine, state: _State) -> list[Change]:
        """Make a node's monitoring agent run."""
        written, facts = state.written[machine.name], state.found[machine.name]
        steps = monitoring.start_node(self.inventory, machine, facts, written)
        return self._run(machine, steps)

    def _watch(self) -> list[Change]:
        """Tell Zabbix what to watch."""
        if self.inventory.monitoring is None:
            return []
        monitor = self.inventory.monitor
        remote = self.remotes[monitor.name]
        done = monitoring.configure(remote, self.inventory, self.secrets, self.interrupted.is_set)
        return self._note(monitor, done)

    def _packages(self, machine: Machine) -> tuple[str, ...]:
        return packages.wanted(machine.role, monitoring=self.inventory.monitoring is not None)

    def _resources(self, machine: Machine) -> list[Change]:
        done = pacemaker.ensure_configured(self.remotes[machine.name], self.inventory)
        return self._note(machine, done)

    def _await_service(self) -> None:
        """Wait until the service answers the monitor, if it does so in time.

        Asking the monitor costs the nodes nothing while they are busy starting; a reading of the
        whole lab slows them down considerably. If the service stays away, `status` tells why.
        """
        service = self.inventory.service
        url = f"http://{service.address.ip}:{service.port}/ping"
        remote = self.remotes[self.inventory.monitor.name]
        try:
            wait_until(
                lambda: remote.run(f"curl --silent --max-time 1 {url}", check=False).status,
                lambda status: status == 0,
                what=f"{url} answers",
                timeout=self.inventory.timing.healthy_wait_s,
            )
        except WaitTimeout as error:
            self.report(error.message)
        else:
            self.report(f"{remote.name}: the service answers")

    def _run(self, machine: Machine, steps: Iterable[Step]) -> list[Change]:
        timeout = 60.0 * self.inventory.timing.pace
        done = run_steps(self.remotes[machine.name], steps, timeout=timeout)
        return self._note(machine, done)

    def _note(self, machine: Machine, done: Iterable[str]) -> list[Change]:
        changes = [Change(machine.name, what) for what in done]
        for change in changes:
            self.report(f"{change.host}: {change.what}")
        return changes


@dataclass(frozen=True)
class _State:
    """What was found on all machines, and what follows from it for each of them."""

    found: dict[str, Facts]
    first: Facts
    cluster_runs: bool
    corosync_conf: str
    written: dict[str, frozenset[str]] = field(default_factory=dict)
    """Files that had to be written, by machine."""

    @classmethod
    def of(cls, inventory: Inventory, found: dict[str, Facts]) -> _State:
        nodes = [found[node.name] for node in inventory.nodes]
        return cls(
            found=found,
            first=nodes[0],
            cluster_runs=any(facts.cluster_runs for facts in nodes),
            corosync_conf=corosync.next_configuration(
                inventory, [facts.corosync_conf for facts in nodes]
            ),
        )


def zip_names(machines: Iterable[Machine], answers: list[Answer]) -> Iterable[tuple[str, Answer]]:
    """Pair every machine's name with its answer."""
    return zip((machine.name for machine in machines), answers, strict=True)

"""Asks everybody who saw a drill. A witness that fails to answer is None and stops nobody."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.errors import CommandError, HalabError
from core.sizes import MIB
from core.wait import WaitTimeout, retry, wait_until
from drills.clock import LabClock
from drills.power import Event
from drills.rulings.aftermath import at_rest
from drills.timeline import Line, parse_journal
from inventory.model import Inventory, Machine
from inventory.parts import Storage
from labs.roles import MachineRole
from machines.remote import Remote, RemoteUnreachable
from parts.all import Parts
from provisioning.packages import wanted
from status.collect import Observer
from status.model import ReplicationStatus
from wire.controller import STATE_COMMAND, parse_state

Answer = TypeVar("Answer")

JOURNAL_TIMEOUT_S = 180.0


def ask(question: Callable[[], Answer]) -> Answer | None:
    """Return the answer, or None when the witness fails to give one."""
    try:
        return question()
    except (HalabError, OSError, ValueError):
        return None


def cursors(inventory: Inventory) -> dict[str, str]:
    """Return where each machine's journal ends now; whatever its clock says, more comes behind.

    The journals are written to disk first: a machine that loses its power keeps this end.
    """
    command = "journalctl --sync; journalctl --quiet --lines 0 --show-cursor"
    told = retry(
        lambda: on_each(inventory.machines, lambda remote: remote.run(command).stdout),
        RemoteUnreachable,
        what="every machine tells where its journal ends",
        timeout=inventory.timing.boot_wait_s,
    )
    return {name: text.rpartition("-- cursor: ")[2].strip() for name, text in told.items()}


def journals(inventory: Inventory, begins: Mapping[str, str]) -> dict[str, tuple[Line, ...] | None]:
    """Return everything that each machine has logged behind its cursor, all its boots included."""

    def read(machine: Machine) -> tuple[Line, ...]:
        command = (
            "journalctl --quiet --no-pager --output short-unix "
            f"--after-cursor '{begins[machine.name]}'"
        )
        with Remote(machine) as remote:
            return parse_journal(remote.run(command, timeout=JOURNAL_TIMEOUT_S).stdout)

    with ThreadPoolExecutor(len(inventory.machines)) as pool:
        told = list(pool.map(lambda machine: ask(lambda: read(machine)), inventory.machines))
    return dict(zip((machine.name for machine in inventory.machines), told, strict=True))


def on_lab_clock(events: tuple[Event, ...], clock: LabClock) -> tuple[Event, ...]:
    """Translate the hypervisor's times into the lab's."""
    return tuple(
        Event(event.at + clock.ahead, event.machine, event.kind, event.detail) for event in events
    )


def configurations(inventory: Inventory) -> dict[str, str]:
    """Return each node's CIB digest and its controller's state, once they agree and rest.

    What they say at last is returned when they do not within the time a recovery may take.
    """
    seen: list[dict[str, str]] = []

    def read() -> dict[str, str]:
        seen.append(_states(inventory))
        return seen[-1]

    try:
        return wait_until(
            read,
            lambda states: all(len(s.split()) == 2 for s in states.values()) and at_rest(states),
            what="the cluster at rest",
            timeout=inventory.timing.healthy_wait_s,
            interval=float(inventory.timing.pace),
            # A login that failed once says nothing of the cluster.
            retry_on=(RemoteUnreachable, CommandError),
        )
    except WaitTimeout:
        if not seen:
            raise
        return seen[-1]


def _states(inventory: Inventory) -> dict[str, str]:
    # When a node wrote its copy is its own affair.
    command = (
        'cibadmin --query --local | sed \'s/ cib-last-written="[^"]*"//\''
        " | md5sum | cut -c1-32;"
        f" {STATE_COMMAND}"
    )
    told = on_each(inventory.nodes, lambda remote: remote.run(command, check=False).stdout)
    found = {}
    for name, text in told.items():
        found[name] = f"{text.split(chr(10), 1)[0]} {parse_state(text) or '?'}"
    return found


def out_of_sync(inventory: Inventory, storage: Storage, active: Machine) -> dict[str, int]:
    """Let DRBD compare every block of both disks; return the KiB that differ, by node.

    Raises WaitTimeout when it does not finish in the time that a disk of this size may take.
    """

    def read() -> dict[str, ReplicationStatus]:
        return observer.read().replication[storage.name]

    with Remote(active) as remote, Observer(inventory) as observer:
        size_mib = int(remote.run(f"blockdev --getsize64 {storage.device}").stdout) / MIB
        remote.run(f"drbdadm verify {storage.resource}")
        disks = wait_until(
            read,
            lambda disks: (
                len(disks) == len(inventory.carriers(storage))
                and all(disk.connection == "Connected" for disk in disks.values())
            ),
            what="verification of the replicated disk",
            timeout=inventory.timing.compare_wait_s(size_mib),
            describe=lambda disks: str([disk.connection for disk in disks.values()]),
            # A reading takes a second of the processor that compares.
            interval=2.0 * inventory.timing.pace,
        )
    return {name: disk.out_of_sync for name, disk in disks.items()}


def environment(parts: Parts) -> dict[str, str]:
    """Return versions of what takes part, and the timeouts that decide."""
    inventory, names = parts.inventory, shlex.join(wanted(parts, MachineRole.NODE))
    command = (
        f"dpkg-query --show --showformat '${{Package}}\\t${{Version}}\\n' {names} 2>/dev/null; "
        "printf 'kernel\\t%s\\n' $(uname -r); sed -n 's/^version: /drbd module\\t/p' /proc/drbd"
    )
    with Remote(inventory.nodes[0]) as remote:
        told = remote.run(command, check=False).stdout
    timing = inventory.timing
    return {
        **dict(line.split("\t", 1) for line in told.splitlines() if "\t" in line),
        "token": f"{timing.token_ms} ms",
        "watchdog": f"{timing.watchdog_s} s",
        "msgwait": f"{timing.msgwait_s} s",
        "stonith timeout": f"{timing.stonith_timeout_s} s",
        "pace": str(timing.pace),
    }


def on_each(machines: tuple[Machine, ...], ask_one: Callable[[Remote], str]) -> dict[str, str]:
    """Ask several machines at once."""

    def visit(machine: Machine) -> str:
        with Remote(machine) as remote:
            return ask_one(remote)

    with ThreadPoolExecutor(len(machines)) as pool:
        answers = list(pool.map(visit, machines))
    return dict(zip((machine.name for machine in machines), answers, strict=True))

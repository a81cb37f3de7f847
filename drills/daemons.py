"""Which processes hold a lab together, to see afterwards whether a machine has lost one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from core.errors import HalabError
from inventory.model import Inventory, Machine
from machines.remote import Remote

NAMES = (
    "corosync",
    "corosync-qdevice",
    "corosync-qnetd",
    "pacemakerd",
    "pacemaker-attrd",
    "pacemaker-based",
    "pacemaker-controld",
    "pacemaker-execd",
    "pacemaker-fenced",
    "pacemaker-schedulerd",
    "sbd",
)
"""Programs that run as long as their machine takes part."""

COMMAND = "cat /proc/sys/kernel/random/boot_id; ps -eo pid=,etimes=,comm="

_SHORTENED = 15
"""The kernel cuts a program's name to so many characters."""

_SETTLED_S = 20
"""Seconds that a process must have run to be taken for a daemon.

A fence agent's monitor runs sbd as a command, and a daemon that starts a program carries its own
name until the program's begins: both are gone soon, and nobody lost anything.
"""

Daemons = frozenset[tuple[str, str]]
"""Name and identity of every daemon of NAMES: one that was started again is another."""


def parse_daemons(printed: str) -> Daemons:
    """Read what COMMAND prints; raises ValueError for anything else."""
    boot, *lines = printed.splitlines() or [""]
    known = {name[:_SHORTENED]: name for name in NAMES}
    processes = [line.split(maxsplit=2) for line in lines if line.strip()]
    if not boot or not processes:
        raise ValueError("no list of processes")
    return frozenset(
        (known[command.strip()], f"{pid} of boot {boot}")
        for pid, age_s, command in processes
        if command.strip() in known and int(age_s) >= _SETTLED_S
    )


def lost(before: Daemons, after: Daemons) -> tuple[str, ...]:
    """Name the programs of which a process is gone."""
    return tuple(sorted({name for name, _ in before - after}))


def read_daemons(inventory: Inventory) -> dict[str, Daemons]:
    """Ask all machines at once; who cannot be asked is missing in the answer."""

    def visit(machine: Machine) -> Daemons | None:
        try:
            with Remote(machine) as remote:
                return parse_daemons(remote.run(COMMAND).stdout)
        except (HalabError, OSError, ValueError):
            return None

    with ThreadPoolExecutor(len(inventory.machines)) as pool:
        answers = list(pool.map(visit, inventory.machines))
    names = (machine.name for machine in inventory.machines)
    return {name: found for name, found in zip(names, answers, strict=True) if found is not None}

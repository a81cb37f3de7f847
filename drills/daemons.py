"""Which processes hold a lab together, to see afterwards whether a machine has lost one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from core.errors import HalabError
from inventory.model import Inventory, Machine
from machines.remote import Remote

UNITS = {
    "corosync": "corosync",
    "corosync-qdevice": "corosync-qdevice",
    "corosync-qnetd": "corosync-qnetd",
    "pacemakerd": "pacemaker",
    "pacemaker-attrd": "pacemaker",
    "pacemaker-based": "pacemaker",
    "pacemaker-controld": "pacemaker",
    "pacemaker-execd": "pacemaker",
    "pacemaker-fenced": "pacemaker",
    "pacemaker-schedulerd": "pacemaker",
    "sbd": "sbd",
}
"""The service of systemd's that each program belongs to which runs as long as its machine takes
part. In another's it is a command: a fence agent's monitor runs sbd, for half a minute on a busy
node."""

COMMAND = "cat /proc/sys/kernel/random/boot_id; ps -eo pid=,etimes=,unit=,comm="

_SHORTENED = 15
"""The kernel cuts a program's name to so many characters."""

_SETTLED_S = 20
"""Seconds that a process must have run to be taken for a daemon: what starts a program carries its
own name until the program's begins, and is gone soon."""

Daemons = frozenset[tuple[str, str]]
"""Name and identity of every daemon of UNITS: one that was started again is another."""


def parse_daemons(printed: str) -> Daemons:
    """Read what COMMAND prints; raises ValueError for anything else."""
    boot, *lines = printed.splitlines() or [""]
    known = {(f"{unit}.service", name[:_SHORTENED]): name for name, unit in UNITS.items()}
    processes = [line.split(maxsplit=3) for line in lines if line.strip()]
    if not boot or not processes:
        raise ValueError("no list of processes")
    return frozenset(
        (known[unit, command.strip()], f"{pid} of boot {boot}")
        for pid, age_s, unit, command in processes
        if (unit, command.strip()) in known and int(age_s) >= _SETTLED_S
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

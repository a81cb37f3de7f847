"""Processes on this machine, as /proc shows them (proc(5))."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.wait import WaitTimeout, wait_until

GRACE_S = 10
"""Seconds between asking a process tree to end and killing it."""


@dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same number.

    `started` is when it started, in clock ticks since boot.
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Return the process that has this number now; where none has, one that is not alive."""
        return cls(pid, start_time(pid))

    def is_alive(self) -> bool:
        """Tell whether this very process still runs, and is more than a zombie."""
        return is_alive(self.pid) and start_time(self.pid) == self.started


def is_alive(pid: int) -> bool:
    """Tell whether the process exists and is more than a zombie."""
    state = _stat(pid)[:1]
    return bool(state) and state != ["Z"]


def start_time(pid: int) -> str:
    """Return when the process started, in clock ticks since boot; empty when it is gone."""
    return next(iter(_stat(pid)[19:]), "")


def parent(pid: int) -> int:
    """Return the process that a process belongs to; 0 when it is gone, or has none."""
    return int(next(iter(_stat(pid)[1:]), "0"))


def _stat(pid: int) -> list[str]:
    """Return what stands behind a process's name in its stat: state, parent, ...; [] when gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def ancestors(pid: int) -> list[int]:
    """Return the process itself and all that it descends from, the nearest first."""
    line: list[int] = []
    while pid and pid not in line:
        line.append(pid)
        pid = parent(pid)
    return line


def all_processes() -> list[int]:
    """Return the processes that this one can see."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in listed.read_text().split()]
    return found


def command_of(pid: int) -> list[str]:
    """Return the words of a process's command; empty when it has ended."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return []
    return text.split("\0")


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with; empty when it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in text.split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs}


def end_tree(pid: int) -> None:
    """End a process and all its descendants: SIGTERM first, SIGKILL for those that stay.

    Raises WaitTimeout when even SIGKILL leaves one behind.
    """
    tree = [Identity.of(each) for each in descendants(pid)]
    try:
        _end(tree, signal.SIGTERM)
    except WaitTimeout:
        _end(tree, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return the process itself and everything below it."""
    tree = [pid]
    for parent in tree:
        tree += children(parent)
    return tree


def _end(processes: Collection[Identity], number: signal.Signals) -> None:
    """Tell processes to end, and wait until all have; raises WaitTimeout."""

    def left() -> list[int]:
        return [each.pid for each in processes if each.is_alive()]

    for pid in left():
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    wait_until(
        left,
        lambda pids: not pids,
        what=f"processes to end after {number.name}",
        timeout=GRACE_S,
        interval=0.1,
    )

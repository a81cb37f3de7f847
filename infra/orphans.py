"""Pulumi runs whose halab was killed: Pulumi itself, its plugins and the lock they hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

from core.errors import HalabError
from core.folders import LabFolder
from core.processes import (
    Identity,
    all_processes,
    command_of,
    end_tree,
    environment_of,
    is_alive,
    start_time,
)

LAB = "HALAB_LAB"
"""Environment variable with the folder of the lab that a Pulumi run works on."""

DRIVER = "HALAB_DRIVER"
"""Environment variable that names the halab behind a Pulumi run: its pid and when it started."""


PULUMI = "pulumi"
"""The program that holds locks, wherever it stands."""


def driver_mark() -> str:
    """Return the DRIVER of Pulumi runs that this process starts."""
    return f"{os.getpid()}:{start_time(os.getpid())}"


def end_orphans(folder: LabFolder) -> None:
    """End what killed runs left at work on the lab; drop locks that nobody holds.

    Pulumi dies when its halab does, but its plugins live on. Raises HalabError when a living halab
    or somebody's own Pulumi is at work on this lab.
    """
    for lock in (folder.pulumi / ".pulumi" / "locks").rglob("*.json"):
        holder = _holder(lock)
        if _is_pulumi(holder) and not _is_orphan(environment_of(holder)):
            raise HalabError(
                f"pulumi (pid {holder}) is working on lab {folder.name!r}",
                hint=f"wait for it, or end it: kill {holder}",
            )
        lock.unlink(missing_ok=True)
    for pid in all_processes():
        environment = environment_of(pid)
        if environment.get(LAB) == str(folder.path) and _is_orphan(environment):
            end_tree(pid)


def end_own_runs() -> None:
    """End the Pulumi runs of this process, which would finish their present step first.

    Ctrl-C reaches Pulumi as well, so it may be gone already and its plugins nobody's children.
    """
    for pid in all_processes():
        if environment_of(pid).get(DRIVER) == driver_mark():
            end_tree(pid)


def _holder(lock: Path) -> int:
    """Return the process that a lock names; 0 for one that was cut off while it was written."""
    try:
        return int(json.loads(lock.read_bytes())["pid"])
    except (ValueError, KeyError, TypeError):
        return 0


def _is_pulumi(pid: int) -> bool:
    """Tell whether a Pulumi has this number: after a reboot anybody may."""
    return is_alive(pid) and Path(next(iter(command_of(pid)), "")).name == PULUMI


def _is_orphan(environment: dict[str, str]) -> bool:
    """Tell whether a halab started this and is gone; what a person started is no orphan."""
    pid, _, started = environment.get(DRIVER, "").partition(":")
    return pid.isdigit() and not Identity(int(pid), started).is_alive()

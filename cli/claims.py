"""Labs that halab makes for a purpose of its own: it takes away what it made, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from rich.console import Console

from cli.choosing import is_begun
from cli.locking import locked
from cli.progress import Progress
from core.errors import HalabError
from core.folders import LabFolder
from core.processes import Identity, ancestors, start_time
from drills.evidence import move_out
from inventory.frozen import Frozen
from inventory.record import save

CLAIM = "claim.json"
"""The file in a lab's folder that says which command made it."""


class Claim(Frozen):
    """Which command made a lab, and which run of it: its process and when that started."""

    version: Literal[1] = 1
    command: str
    pid: int
    started: str

    @property
    def is_mine(self) -> bool:
        """Whether this process made the lab, or one that it descends from did."""
        return self.pid in ancestors(os.getpid()) and self.is_at_work

    @property
    def is_at_work(self) -> bool:
        """Whether the process that made the lab still runs."""
        return Identity(self.pid, self.started).is_alive()


@contextmanager
def claimed(name: str, command: str, take_away: Callable[[], None], keep: bool) -> Iterator[bool]:
    """Own a lab that is not there yet; afterwards put away what came to be.

    With `keep` it is said instead that it stays, and how it is taken away. Yields whether it is
    ours: a lab that is there already belongs to somebody else and stays, and nothing is said.
    Raises HalabError when another halab command works on it.
    """
    with locked(name):
        ours = _claim(LabFolder.of(name), command)
    try:
        yield ours
    finally:
        if ours and keep:
            said = f"the lab stays: ./halab status {name}, ./halab down {name}"
            Console(highlight=False, soft_wrap=True).print(said)
        # Somebody may have taken it away meanwhile, and made one of his own.
        found = claim_on(name)
        if ours and not keep and found is not None and found.is_mine:
            put_away(name, take_away)


def put_away(name: str, take_away: Callable[[], None]) -> None:
    """Take a lab away that a command made; what was kept of failures stays, and is named."""
    try:
        evidence = move_out(LabFolder.of(name))
    finally:
        take_away()
    if evidence is not None:
        Progress().note(f"journals, cluster state and consoles stay in {evidence}")


def check_removable(name: str, command: str) -> bool:
    """Tell whether there is a lab that an earlier run of a command made and left behind.

    Raises HalabError for a lab that somebody else made or that another run works with.
    """
    if not is_begun(name):
        return False
    claim = claim_on(name)
    if claim is None or claim.command != command:
        raise HalabError(
            f"there is a lab {name!r} that `{command}` did not make",
            detail=f"`{command}` makes a lab of that name and takes it away again.",
            hint=f"when nobody needs it: ./halab down {name}; or give it another `name`",
        )
    if claim.is_at_work and not claim.is_mine:
        raise HalabError(
            f"another `{command}` (pid {claim.pid}) works with the lab {name!r}",
            hint="wait for it to end, or stop it with Ctrl-C where it runs",
        )
    return True


def take_over(name: str) -> None:
    """Make a lab the person's who builds it now, whatever command made it before.

    Does nothing in a command that works for the one that made it.
    """
    claim = claim_on(name)
    if claim is not None and not claim.is_mine:
        release(name)


def release(name: str) -> None:
    """Make a lab, which stays, nobody's but the person's who wanted it."""
    _file(LabFolder.of(name)).unlink(missing_ok=True)


def claim_on(name: str) -> Claim | None:
    """Return which command made a lab; None when a person did, or it cannot be told."""
    try:
        return Claim.model_validate_json(_file(LabFolder.of(name)).read_bytes())
    except (OSError, ValidationError):
        return None


def _claim(folder: LabFolder, command: str) -> bool:
    if is_begun(folder.name):
        return False
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.path.mkdir()
    except FileExistsError:
        return False
    save(
        _file(folder),
        Claim(command=command, pid=os.getpid(), started=start_time(os.getpid())),
    )
    return True


def _file(folder: LabFolder) -> Path:
    return folder.path / CLAIM

"""One command at a time changes a lab."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import HalabError
from core.folders import state_folder


class LabBusy(HalabError):
    """Another halab command holds the lab's lock."""


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lab's lock; raises LabBusy when another halab command holds it.

    The kernel drops the lock with its process, so a killed command leaves none behind.
    """
    path = state_folder() / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise _busy(name, file.read().strip()) from error
        # Whoever held it may have removed the file since it was opened, and a third made another.
        if not _is_at(path, file.fileno()):
            raise _busy(name, "it ends at this moment")
        # It is there for others to read, and a full disk must not keep anybody from `down`.
        with suppress(OSError):
            file.truncate(0)
            os.write(file.fileno(), f"pid {os.getpid()}".encode())
        try:
            yield
        finally:
            if not (state_folder() / "labs" / name).exists():
                path.unlink(missing_ok=True)


def _is_at(path: Path, descriptor: int) -> bool:
    """Tell whether an open file is the one that stands there."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _busy(name: str, who: str) -> LabBusy:
    return LabBusy(
        f"another halab command is working on lab {name!r}: {who}",
        hint="wait for it to end, or stop it with Ctrl-C where it runs",
    )

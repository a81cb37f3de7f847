"""One command at a time changes a lab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from core.errors import HalabError
from core.folders import state_folder
from core.locks import held


class LabBusy(HalabError):
    """Another halab command holds the lab's lock."""


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lab's lock; raises LabBusy when another halab command holds it."""
    path = state_folder() / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)

    def refuse(who: str) -> NoReturn:
        raise LabBusy(
            f"another halab command is working on lab {name!r}: {who.strip()}",
            hint="wait for it to end, or stop it with Ctrl-C where it runs",
        )

    with held(path, busy=refuse) as file:
        # Whoever held it may have removed the file since it was opened, and a third made another.
        if not _is_at(path, file.fileno()):
            refuse("it ends at this moment")
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

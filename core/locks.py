"""Locks between processes (flock(2)); the kernel drops that of a killed one."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.saying import Say


@contextmanager
def held(path: Path, *, shared: bool = False, busy: Say = lambda _: None) -> Iterator[IO[str]]:
    """Hold the lock of a file, which is made where there is none, and yield it open at its end.

    Several may hold a `shared` lock. Where another process is in the way, `busy` is called with
    what stands in the file: unless it raises, this waits.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with path.open("a+") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            busy(file.read())
            fcntl.flock(file, how)
        yield file

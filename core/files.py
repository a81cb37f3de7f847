"""Files that a crash leaves whole: the old content or the new one, and nothing in between."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

READABLE = 0o644
"""The mode of what a person asked for and holds no secrets."""


def write_file(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Make `path` hold `content` in one step, on the disk before this returns.

    Folders on the way are made. Raises OSError, and leaves what was there before, when the disk is
    full or the place cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    # Begins with a dot: who lists the folder does not take it for a file that means something.
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk: names that were made, moved or removed in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

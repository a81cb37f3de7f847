"""Places that a person names for what he wants to have: a file, a link to one, a terminal, a pipe.

A file there is replaced as a whole; anything else stays what it is.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from core.files import READABLE, write_file


def file_at(path: Path) -> Path | None:
    """Return the file that a place means, where links lead; it need not be there yet.

    None for what is no file, as a terminal, a pipe or a device. Raises OSError for a folder, and
    for what nobody can look at.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return path.resolve()
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return path.resolve() if stat.S_ISREG(mode) else None


def write_out(path: Path, text: str) -> None:
    """Make the file at a place hold a text in one step, or write it to what else stands there.

    Folders on the way are made. Raises OSError, and leaves a file as it was, where that fails.
    """
    file = file_at(path)
    if file is None:
        path.write_text(text, encoding="utf-8")
    else:
        write_file(file, text, mode=READABLE)


def make_room(path: Path) -> None:
    """Remove the file at a place, and find out whether another can be written there.

    Folders on the way are made; what is no file stays. Raises OSError where nothing can be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = file_at(path)
    if file is not None:
        file.unlink(missing_ok=True)
        write_file(file, "")
        file.unlink()

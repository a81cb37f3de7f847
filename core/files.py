"""Files that a crash leaves whole: the old content or the new one, and nothing in between."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

READABLE = 0o644
"""The mode of what a person asked for and holds no secrets."""


SEAL = "whole.json"
"""How long the files of a folder are that was made once and is used ever after."""


def seal(folder: Path, files: Iterable[Path]) -> None:
    """Bring files below a folder to the disk, and note there how long they are, for `is_whole`."""
    lengths = {}
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        lengths[str(path.relative_to(folder))] = path.stat().st_size
    write_file(folder / SEAL, json.dumps(lengths))


def is_whole(folder: Path, files: Iterable[Path]) -> bool:
    """Tell whether these files can be read and are as long as they were when `seal` was called.

    Where it never was, as in a folder that an older halab made, none of them may be empty.
    """
    try:
        noted = json.loads((folder / SEAL).read_bytes())
    except FileNotFoundError:
        noted = {}
    except ValueError:
        return False
    lengths = {str(path.relative_to(folder)): _length(path) for path in files}
    return isinstance(noted, dict) and all(
        length and length == noted.get(name, length) for name, length in lengths.items()
    )


def _length(path: Path) -> int:
    """Return the length of a file in bytes; 0 where it is missing or not to be read."""
    return path.stat().st_size if path.is_file() and os.access(path, os.R_OK) else 0


def write_file(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Make `path` hold `content` in one step, on the disk before this returns.

    Folders on the way are made. Raises OSError, and leaves what was there before, when the disk is
    full or the place cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    # Begins with a dot: who lists the folder does not take it for a file that means something.
    try:
        descriptor, draft = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".new", dir=path.parent
        )
    except OSError as error:
        # Nobody has heard of the draft.
        error.filename = str(path)
        raise
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

"""Files that a crash leaves whole: the old content or the new one, and nothing in between."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

READABLE = 0o644
"""The mode of what a person asked for and holds no secrets."""


SEAL = "whole.json"
"""How long the files of a folder are that was made once and is used ever after."""


def seal(folder: Path, files: Collection[Path]) -> None:
    """Bring files below a folder to the disk, and note there how long they are, for `is_whole`."""
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    write_file(folder / SEAL, json.dumps(lengths(folder, files)))


def is_whole(folder: Path, files: Collection[Path]) -> bool:
    """Tell whether these files can be read and are as long as they were when `seal` was called."""
    try:
        noted = json.loads((folder / SEAL).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return (
        isinstance(noted, dict)
        and all(str(path.relative_to(folder)) in noted for path in files)
        and all(os.access(path, os.R_OK) for path in files)
        and not damaged(folder, noted)
    )


def lengths(folder: Path, files: Iterable[Path]) -> dict[str, int]:
    """Return how long files below a folder are, in bytes, by their paths from there."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def damaged(folder: Path, noted: Mapping[str, int]) -> list[str]:
    """Return which files below a folder are gone, or not as long as they were.

    `noted` is what `lengths` said then. A crash cuts young files off.
    """
    return [name for name, length in noted.items() if _length(folder / name) != length]


def usage(files: Iterable[Path]) -> int:
    """Return the bytes that files take on disk."""
    # stat(2): a block of st_blocks is 512 bytes, whatever the filesystem.
    return sum(path.stat().st_blocks * 512 for path in files)


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


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


def renew_file(path: Path, content: str) -> None:
    """Make a file say this; one that does is left alone, as on a disk that is full or read-only.

    A command that reads such a file is wanted most of all then.
    """
    try:
        said = path.read_bytes()
    except FileNotFoundError:
        said = None
    if said != content.encode():
        write_file(path, content)


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk: names that were made, moved or removed in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

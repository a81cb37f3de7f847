"""Where guest images are built: a folder in which their programs may run. Found by trying."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from core.command import run
from core.errors import HalabError
from core.files import write_file
from core.folders import SCRATCH, cache_folder

ROOM_MIB = 2048
"""Free space for one root folder while it is filled; the monitor's comes to 1.2 GiB."""

PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")
"""Names that survive apt's configuration, which mmdebstrap writes."""


def find_workplace() -> Path:
    """Return the folder to build in: TMPDIR, /tmp, /var/tmp or the cache, the first that will do.

    Raises HalabError with what is wrong with each when none will.
    """
    problems = []
    for folder in _candidates():
        problem = obstacle(folder)
        if problem is None:
            return folder
        problems.append(f"{folder}: {problem}")
    raise HalabError(
        "no folder for temporary files will do to build guest images in",
        detail="\n".join(problems),
        hint=f"set {SCRATCH} to a folder with {ROOM_MIB} MiB free, on a filesystem without noexec, "
        "that other users may enter (chmod a+x it and those above it)",
    )


def obstacle(folder: Path) -> str | None:
    """Return what keeps a guest's root folder from being made in a folder, None when nothing."""
    if not PLAIN.fullmatch(str(folder)):
        return "its name holds more than letters, digits and . _ + -"
    try:
        # Programs of an ordinary user's guest run under ids that are others to these folders.
        closed = [
            path for path in (folder, *folder.parents) if not path.stat().st_mode & stat.S_IXOTH
        ]
        if closed and os.geteuid() != 0:
            return f"{closed[-1]} is closed to other users"
        free = shutil.disk_usage(folder).free >> 20
        if free < ROOM_MIB:
            return f"it has {free} MiB free, and {ROOM_MIB} are needed"
        return _trial(folder)
    except OSError as error:
        return f"it cannot be used ({error.strerror})"


def _candidates() -> tuple[Path, ...]:
    chosen = os.environ.get(SCRATCH, "")
    named = [Path(chosen)] if os.path.isabs(chosen) else []
    return tuple(dict.fromkeys((*named, Path("/tmp"), Path("/var/tmp"), cache_folder())))


def _trial(folder: Path) -> str | None:
    with tempfile.TemporaryDirectory(prefix="halab-trial-", dir=folder) as scratch:
        script = Path(scratch) / "run"
        write_file(script, "#!/bin/sh\n")
        script.chmod(0o700)
        try:
            run([script])
        except HalabError:
            return "programs may not run there (it is mounted noexec)"
    return None

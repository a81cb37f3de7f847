"""What the operating system refused, as one sentence for a person, with a way out."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from core.errors import HalabError
from core.folders import CACHE, SCRATCH, STATE, cache_folder, existing, state_folder

FULL_BELOW = 1 << 20
"""Bytes of free space below which a disk counts as full."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

REMEDIES = {
    errno.ENOSPC: "free some space there, or set {variable} to a folder on another disk",
    errno.EDQUOT: "free some space there, or set {variable} to a folder without that quota",
    errno.EROFS: "choose a place that can be written, or set {variable} to one",
    errno.EACCES: "check its owner and mode, or set {variable} to a folder of your own",
    errno.EPERM: "check its owner and mode, or set {variable} to a folder of your own",
    errno.ENOENT: "make that folder, or set {variable} to a folder of your own",
    errno.ENOTDIR: "a file is in the way: move it, or set {variable} to a folder of your own",
    errno.EEXIST: "a file is in the way: move it, or set {variable} to a folder of your own",
    errno.EISDIR: "a folder is in the way of that file: move it",
    errno.ENAMETOOLONG: "use shorter names, or set {variable} to a shorter path",
    errno.EMFILE: "allow more open files (`ulimit -n 4096`), then run the command again",
    errno.ENFILE: "this machine has too many files open: end some programs",
    errno.ENOMEM: "end other programs or labs: this machine has no memory left",
    errno.EIO: "that disk reports errors: `dmesg` tells more",
}


def worded(error: OSError) -> HalabError:
    """Say an OSError that nobody expected: the path, what is wrong, which variable leads there."""
    path = _path(error)
    what = error.strerror or str(error) or type(error).__name__
    remedy = REMEDIES.get(error.errno or 0, "look at that path, or set {variable} to another")
    if path is None and what == os.strerror(errno.ENOENT):
        return HalabError("the current folder does not exist any more", hint="cd to another one")
    if path is None and error.errno in NO_SPACE:
        return HalabError(
            f"{what}: where halab's output goes, or in a folder that it writes to",
            hint="`df -h` shows which disk is full",
        )
    if path is None:
        # Python looks for a folder for temporary files before it has a path to complain about.
        hint = f"set {SCRATCH} to a folder with space that can be written"
        return HalabError(what, hint=hint if "temporary directory" in what else None)
    variable = _variable(path)
    if variable is None:
        remedy = remedy.partition(", or set {variable}")[0]
    return HalabError(f"{path}: {what}", hint=remedy.format(variable=variable))


def _path(error: OSError) -> Path | None:
    """Return the path that an error is about; writing to a full disk names none."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        # (source, destination, why) for each file that could not be copied.
        return Path(error.args[0][0][1])
    if error.errno in NO_SPACE:
        full = (folder for folder in _places().values() if _free(folder) < FULL_BELOW)
        written = error.filename2 or error.filename
        return Path(os.fsdecode(written)) if isinstance(written, str | bytes) else next(full, None)
    named = error.filename
    return Path(os.fsdecode(named)) if isinstance(named, str | bytes) else None


def _variable(path: Path) -> str | None:
    """Return the variable that would lead elsewhere than to this path."""
    bases = _places().items()
    return next((name for name, base in bases if path == base or base in path.parents), None)


def _places() -> dict[str, Path]:
    places = {}
    for variable, folder in ((STATE, state_folder), (CACHE, cache_folder)):
        with suppress(HalabError):
            places[variable] = folder().parent
    return {**places, SCRATCH: Path(os.environ.get(SCRATCH, "/tmp"))}


def _free(folder: Path) -> int:
    return shutil.disk_usage(existing(folder)).free

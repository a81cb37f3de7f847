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

OF_PLACES = {
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
}
"""The way out below the folders that are halab's own, to which a variable leads."""

OF_NAMED = {
    errno.ENOSPC: "free some space there, or name a place on another disk",
    errno.EDQUOT: "free some space there, or name a place without that quota",
    errno.EROFS: "name a place that can be written; what lies there can be copied first",
    errno.EACCES: "check its owner and mode, or name another path",
    errno.EPERM: "check its owner and mode, or name another path",
    errno.ENOENT: "check how it is spelt, and that the folder it is in is there",
    errno.ENOTDIR: "a folder is wanted where a file stands: name another path",
    errno.EEXIST: "something stands there already: name another path",
    errno.EISDIR: "it is a folder: name a file, for instance one in it",
    errno.ENAMETOOLONG: "use shorter names",
}
"""The way out for any other path, as a rule one that a person has named. What is there is his."""

OF_MACHINE = {
    errno.EMFILE: "allow more open files (`ulimit -n 4096`), then run the command again",
    errno.ENFILE: "this machine has too many files open: end some programs",
    errno.ENOMEM: "end other programs or labs: this machine has no memory left",
    errno.EIO: "that disk reports errors: `dmesg` tells more",
}


def worded(error: OSError, named: Path | None = None) -> HalabError:
    """Say an OSError that nobody expected: the path, what is wrong, which variable leads there.

    `named` is what a person wanted to have written, if that is known. No variable leads there, and
    of drafts on the way to it nobody has heard.
    """
    path = named or _path(error)
    what = error.strerror or str(error) or type(error).__name__
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
    variable = None if named else _variable(path)
    return HalabError(f"{path}: {what}", hint=_remedy(error.errno or 0, variable))


def _remedy(number: int, variable: str | None) -> str:
    if variable is None:
        return {**OF_MACHINE, **OF_NAMED}.get(number, "look at that path")
    unknown = "look at that path, or set {variable} to another"
    return {**OF_MACHINE, **OF_PLACES}.get(number, unknown).format(variable=variable)


def _path(error: OSError) -> Path | None:
    """Return the path that an error is about; writing to a full disk names none."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        # (source, destination, why) for each file that could not be copied.
        return Path(error.args[0][0][1])
    if error.errno in NO_SPACE:
        full = (folder for folder in _places().values() if _free(folder) < FULL_BELOW)
        return _shown(error) or next(full, None)
    return _shown(error)


def _shown(error: OSError) -> Path | None:
    # Of two it is where something should go: what goes there is a draft.
    shown = error.filename2 or error.filename
    return Path(os.fsdecode(shown)) if isinstance(shown, str | bytes) else None


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

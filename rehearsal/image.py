"""The image that instances are made of: Debian 13 as a cloud has it, with nothing of a lab's."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from core.files import is_whole, seal
from core.saying import Say
from hypervisor.image import (
    OF_EVERY_RECIPE,
    Recipe,
    ensure,
    files_in,
    remove_stale,
)

FOLDER = Path(__file__).parent / "recipe"


def recipe() -> Recipe:
    """Return what it is made from."""
    listed = tomllib.loads((FOLDER / "packages.toml").read_text())["packages"]
    return Recipe("plain", (*files_in(FOLDER), *OF_EVERY_RECIPE), tuple(listed))


def ensure_copy(folder: Path, report: Say) -> None:
    """Have the lab's own copy of the image in a folder: the cache may get another one.

    Raises HalabError when it cannot be built.
    """
    if is_whole(folder, [folder / name for name in ("disk.qcow2", "kernel", "initrd")]):
        return
    image = ensure(recipe(), report)
    remove_stale([recipe()])
    report("copying the image")
    folder.mkdir(parents=True, exist_ok=True)
    copied = [Path(shutil.copy(path, folder)) for path in (image.disk, image.kernel, image.initrd)]
    seal(folder, copied)

"""Snapshots as they lie on the disk: whole folders that appear and vanish in one step.

`take` and `restore` in hypervisor.reset fill and read them. Names that begin with a dot are work
in progress, and whatever a killed command left of it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from core.command import run
from core.errors import HalabError
from core.files import damaged, sync_folder, write_file
from core.folders import LabFolder
from inventory.frozen import Frozen
from inventory.record import save

UP = "up"
"""The label of the snapshot that `up` takes of a lab that it has just made or changed."""

LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
LABEL_ALLOWED = "up to 40 lower-case letters, digits, dots, hyphens and underscores, no dot first"

COPY_TIMEOUT_S = 600


class Origin(Frozen):
    """Which making of a lab a snapshot is of: a later one has other machines or other software.

    `domains` are libvirt's UUIDs by machine; `provisioned` says when the software was applied last
    (the time stamp of the inventory, which every provisioning writes anew; ns since 1970).
    """

    domains: dict[str, str]
    provisioned: int


class Snapshot(Frozen):
    """All machines of a lab at one instant, memory and disks.

    `size` is what it takes on disk, in bytes; `files` are its files' lengths by name, `disks` those
    of them that are disks; `healthy` tells whether the lab was.
    """

    version: Literal[1] = 1
    label: str
    taken: datetime
    machines: tuple[str, ...]
    size: int
    healthy: bool
    origin: Origin
    files: dict[str, int]
    disks: tuple[str, ...]


class Shelf:
    """The snapshots of one lab."""

    def __init__(self, folder: LabFolder) -> None:
        self._lab = folder
        self._path = folder.snapshots

    @property
    def draft(self) -> Path:
        """The folder in which a snapshot grows."""
        return self._path / ".draft"

    def all(self) -> list[Snapshot]:
        """Return all snapshots, the oldest first; none that is incomplete."""
        if not self._path.is_dir():
            return []
        found = (_read(path) for path in self._path.iterdir() if not path.name.startswith("."))
        return sorted((one for one in found if one), key=lambda one: one.taken)

    def find(self, label: str) -> Snapshot:
        """Return a snapshot; raises HalabError, naming all that exist, when there is none.

        Raises HalabError too when its files are not as long as they were written, which is what a
        crash of this machine leaves of young files.
        """
        known = {one.label: one for one in self.all()}
        remove = f"remove it: `./halab snapshots {self._lab.name} --remove {label}`"
        if label not in known and self._is_there(label):
            raise HalabError(f"snapshot {label!r} is damaged: its description", hint=remove)
        if label not in known:
            raise HalabError(
                f"lab {self._lab.name!r} has no snapshot {label!r} "
                f"(snapshots: {', '.join(known) or 'none'})",
                hint=f"`./halab up {self._lab.name}` takes the one named up"
                if label == UP
                else f"`./halab snapshot {self._lab.name} LABEL` takes one",
            )
        lost = damaged(self._path / label, known[label].files)
        if lost:
            raise HalabError(f"snapshot {label!r} is damaged: {', '.join(lost)}", hint=remove)
        return known[label]

    def path(self, label: str) -> Path:
        """Return the folder of a snapshot."""
        return self._path / label

    def begin_draft(self) -> Path:
        """Make an empty draft and return its folder."""
        self._path.mkdir(mode=0o700, exist_ok=True)
        _remove(self.draft)
        self.draft.mkdir(mode=0o700)
        return self.draft

    def publish(self, snapshot: Snapshot) -> None:
        """Turn the draft into a snapshot, in the place of an older one with this label."""
        save(self.draft / "snapshot.json", snapshot)
        target, old = self._path / snapshot.label, self._path / f".old.{snapshot.label}"
        if target.exists():
            _remove(old)
            target.rename(old)
        self.draft.rename(target)
        sync_folder(self._path)
        _remove(old)

    def remove(self, label: str) -> None:
        """Remove a snapshot, damaged or not; raises HalabError when there is none."""
        if not self._is_there(label):
            self.find(label)
        if self.restoring() == label:
            self.end_restoring()
        old = self._path / f".old.{label}"
        _remove(old)
        (self._path / label).rename(old)
        # Without its description it is no snapshot any more that `tidy` would bring back.
        (old / "snapshot.json").unlink(missing_ok=True)
        _remove(old)

    def tidy(self) -> None:
        """Remove unfinished work; bring back a snapshot whose successor never came."""
        if not self._path.is_dir():
            return
        for path in self._path.glob(".old.*"):
            target = self._path / path.name.removeprefix(".old.")
            if not target.exists() and _read(path):
                path.rename(target)
        for path in self._path.glob(".*"):
            if path != self._marker:
                _remove(path)

    def copy_disks(self, snapshot: Snapshot) -> None:
        """Copy a snapshot's disks to where `place_disks` finds them; that step needs no space."""
        _remove(self._disks)
        self._disks.mkdir(mode=0o700)
        copy([self._path / snapshot.label / name for name in snapshot.disks], self._disks)

    def place_disks(self, pool: Path) -> None:
        """Move the copied disks to where the machines look for theirs. The machines must be off."""
        for disk in self._disks.iterdir():
            disk.replace(pool / disk.name)
        _remove(self._disks)

    def begin_restoring(self, label: str) -> None:
        """Note that the lab is on its way to a snapshot: from here on there is no way back."""
        write_file(self._marker, label)

    def restoring(self) -> str | None:
        """Return the label of a restore that began and has not ended."""
        try:
            label = self._marker.read_text(errors="replace")
        except FileNotFoundError:
            return None
        return label if LABEL.fullmatch(label) else None

    def end_restoring(self) -> None:
        """Note that the lab has arrived."""
        self._marker.unlink(missing_ok=True)

    def _is_there(self, label: str) -> bool:
        """Tell whether there is a snapshot's folder, whatever state it is in."""
        return bool(LABEL.fullmatch(label)) and (self._path / label).is_dir()

    @property
    def _disks(self) -> Path:
        return self._path / ".disks"

    @property
    def _marker(self) -> Path:
        return self._path / ".restoring"


def check_label(label: str) -> None:
    """Raise HalabError for a label that cannot be a folder's name."""
    if not LABEL.fullmatch(label):
        raise HalabError(f"{label!r} cannot be a label", hint=f"a label is {LABEL_ALLOWED}")


def copy(files: Collection[Path], folder: Path) -> None:
    """Copy files into a folder, sharing blocks where the filesystem can; raises CommandError."""
    run(
        ["cp", "--reflink=auto", "--sparse=always", "--", *sorted(files), folder],
        timeout=COPY_TIMEOUT_S,
    )


def _read(path: Path) -> Snapshot | None:
    try:
        return Snapshot.model_validate_json((path / "snapshot.json").read_bytes())
    except (OSError, ValidationError):
        return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""Labs as `up` built them, kept in the cache: what a warm start lays out again.

One for a name; a later one takes its place. Names that begin with a dot are work in progress. What
is kept is never changed: a lab that uses a file of it has a link to it, or a copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from core.errors import HalabError
from core.files import damaged, lengths, sync_folder, usage
from core.folders import cache_folder, existing
from core.locks import held
from core.sizes import MIB, MIB_PER_GIB
from hypervisor.snapshots import copy
from inventory.frozen import Frozen
from inventory.record import save

LIMIT = "HALAB_CACHE_GIB"
"""The variable by which a person limits what kept labs take."""

USUAL_LIMIT_GIB = 20
"""Seven to ten labs of three machines. A choice."""

DESCRIPTION = "kept.json"


class KeptLab(Frozen):
    """A lab that was kept.

    `facts` are what its machines and its state follow from, by what people call that; `size` is
    what it takes on disk, in bytes; `files` are its files' lengths by their paths.
    """

    version: Literal[1] = 1
    name: str
    made: datetime
    facts: dict[str, str]
    size: int
    files: dict[str, int]

    def differences(self, facts: Mapping[str, str]) -> list[str]:
        """Return the names of the facts that are others now."""
        return [name for name, fact in self.facts.items() if facts.get(name) != fact]


class KeptLabs:
    """All labs that are kept on this machine for this user."""

    def __init__(self) -> None:
        self._root = cache_folder() / "labs"

    def all(self) -> list[KeptLab]:
        """Return all, the one that was used longest ago first; none that is damaged."""
        names = [path.name for path in self._folders()]
        found = {name: kept for name in names if (kept := self.find(name)) is not None}
        return [found[name] for name in sorted(found, key=self._used)]

    def find(self, name: str) -> KeptLab | None:
        """Return the lab that is kept under a name; None when there is none, or not all of it."""
        folder = self.path(name)
        try:
            kept = KeptLab.model_validate_json((folder / DESCRIPTION).read_bytes())
        except (OSError, ValidationError):
            return None
        return None if kept.name != name or damaged(folder, kept.files) else kept

    def path(self, name: str) -> Path:
        """Return the folder of a kept lab."""
        return self._root / name

    @contextmanager
    def used(self, name: str) -> Iterator[Path]:
        """Keep others from removing anything until the block ends, and yield a lab's folder."""
        with held(self._lock, shared=True):
            os.utime(self.path(name) / DESCRIPTION)
            yield self.path(name)

    def begin_draft(self, name: str) -> Path:
        """Make an empty folder for a lab that is to be kept, and return it."""
        draft = self._root / f".{name}"
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        return draft

    def publish(self, name: str, made: datetime, facts: Mapping[str, str]) -> KeptLab:
        """Make the draft the lab that is kept under a name, in the place of an older one."""
        draft = self._root / f".{name}"
        paths = [path for path in sorted(draft.rglob("*")) if path.is_file()]
        kept = KeptLab(
            name=name,
            made=made,
            facts=dict(facts),
            size=usage(paths),
            files=lengths(draft, paths),
        )
        save(draft / DESCRIPTION, kept)
        with held(self._lock):
            self._discard(name)
            draft.rename(self.path(name))
            sync_folder(self._root)
        return kept

    def drop_draft(self, name: str) -> None:
        """Remove what was to be kept and could not be."""
        shutil.rmtree(self._root / f".{name}", ignore_errors=True)

    def remove(self, name: str) -> None:
        """Remove what is kept under a name, damaged or not; raises HalabError when nothing is."""
        names = [path.name for path in self._folders()]
        if name not in names:
            raise HalabError(
                f"no lab {name!r} is kept for a warm start (kept: {', '.join(names) or 'none'})",
                hint="`./halab cache` shows them",
            )
        with held(self._lock):
            self._discard(name)

    def remove_all(self) -> None:
        """Remove everything, also what is damaged and what was never finished."""
        if self._root.is_dir():
            with held(self._lock):
                for path in self._root.iterdir():
                    if path.is_dir():
                        shutil.rmtree(path)

    def trim(self, limit: int, latest: str) -> list[KeptLab]:
        """Remove the labs that were used longest ago until all take `limit` bytes; return them.

        `latest` goes last. What is damaged goes too, and is not worth a word.
        """
        for path in self._folders():
            if self.find(path.name) is None:
                self.remove(path.name)
        kept = sorted(self.all(), key=lambda one: one.name == latest)
        gone = []
        while kept and sum(one.size for one in kept) > limit:
            gone.append(kept.pop(0))
            self.remove(gone[-1].name)
        return gone

    def make_room(self, wanted: int, place: Path, needed: str) -> list[KeptLab]:
        """Remove labs, as `trim` does, until a place has `wanted` bytes free; return them.

        `needed` stays, and all do where they stand on another disk, or would not suffice. What they
        share with labs that exist frees nothing.
        """
        here = existing(place)
        others = [kept for kept in self.all() if kept.name != needed]
        if not others or here.stat().st_dev != self._root.stat().st_dev:
            return []
        if shutil.disk_usage(here).free + sum(kept.size for kept in others) < wanted:
            return []
        gone = []
        for kept in others:
            if shutil.disk_usage(here).free >= wanted:
                break
            self.remove(kept.name)
            gone.append(kept)
        return gone

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._root.glob("[!.]*") if path.is_dir())

    def _used(self, name: str) -> float:
        return (self.path(name) / DESCRIPTION).stat().st_mtime

    def _discard(self, name: str) -> None:
        """Remove a kept lab so that half of it is never found."""
        old = self._root / f".{name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if self.path(name).exists():
            self.path(name).rename(old)
            shutil.rmtree(old)

    @property
    def _lock(self) -> Path:
        return self._root / ".lock"


def limit_bytes() -> int:
    """Return what all kept labs may take; raises HalabError when a person set no number of GiB."""
    said = os.environ.get(LIMIT, str(USUAL_LIMIT_GIB))
    if not said.isdecimal():
        raise HalabError(
            f"{LIMIT}={said} is not known", hint="a whole number of GiB; 0 keeps no lab"
        )
    return int(said) * MIB_PER_GIB * MIB


def link_all(files: Mapping[Path, Path]) -> None:
    """Give files another name each; where a link cannot lead there, copy them. Raises HalabError.

    Who has such a file must not change it, only put another in its place.
    """
    for source, target in files.items():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            # Another filesystem, or one without links.
            copy([source], target)

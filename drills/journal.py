"""What is broken in a lab now, written before it is broken: it can be healed after a crash."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from core.errors import HalabError
from core.folders import LabFolder
from inventory.frozen import Frozen
from inventory.record import save

OPEN = "open.json"
"""The file among a lab's results that says what is broken now."""


class Wound(Frozen):
    """One fault that is in a lab; `began` in seconds since 1970, `notes` are for the healing."""

    version: Literal[1] = 1
    fault: str
    targets: tuple[str, ...]
    seed: int
    began: float
    notes: dict[str, str]


class Journal:
    """A lab's open wound, if it has one: one drill runs at a time."""

    def __init__(self, folder: LabFolder) -> None:
        self.path = drills_folder(folder) / OPEN

    @property
    def is_open(self) -> bool:
        """Whether a drill is under way, or was broken off."""
        return self.path.exists()

    def read(self) -> Wound | None:
        """Return what is broken; raises HalabError for a file that cannot be understood."""
        try:
            return Wound.model_validate_json(self.path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            lab = self.path.parent.parent.name
            raise HalabError(
                f"what a drill broke in lab {lab!r} stands in {self.path}, which is damaged",
                hint=f"`./halab reset {lab}` mends whatever it is",
            ) from error

    def open(self, wound: Wound) -> Notes:
        """Write down what will be broken; return the notes that a fault may add to."""
        save(self.path, wound)
        return Notes(self, wound)

    def go_back(self, moment: datetime) -> None:
        """Forget what was broken later, or cannot be told: the lab is as it was at that moment."""
        try:
            wound = self.read()
        except HalabError:
            self.close()
            return
        if wound is not None and wound.began > moment.timestamp():
            self.close()

    def close(self) -> None:
        """Forget what has been healed."""
        self.path.unlink(missing_ok=True)


class Notes(MutableMapping[str, str]):
    """The notes of an open wound; each change is on the disk before anything else happens."""

    def __init__(self, journal: Journal, wound: Wound) -> None:
        self._journal = journal
        self._wound = wound

    def __getitem__(self, key: str) -> str:
        return self._wound.notes[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._keep({**self._wound.notes, key: value})

    def __delitem__(self, key: str) -> None:
        self._keep({name: value for name, value in self._wound.notes.items() if name != key})

    def __iter__(self) -> Iterator[str]:
        return iter(self._wound.notes)

    def __len__(self) -> int:
        return len(self._wound.notes)

    def _keep(self, notes: dict[str, str]) -> None:
        self._wound = self._wound.model_copy(update={"notes": notes})
        save(self._journal.path, self._wound)


def drills_folder(folder: LabFolder) -> Path:
    """Return where a lab keeps the results of its drills; it need not exist."""
    return folder.path / "drills"

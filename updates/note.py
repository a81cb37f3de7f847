"""What a node notes of its own update: what was, what will be, and whether it came so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from core.errors import HalabError
from inventory.frozen import Frozen
from parts.system.upkeep import UPDATE_NOTE
from updates.apt import KERNEL, Change, wants_boot

FOLDER = str(Path(UPDATE_NOTE).parent)
"""Where a node keeps all of it."""

PATH = UPDATE_NOTE


class Goal(StrEnum):
    """Which versions a node is on its way to."""

    NEW = "new"
    OLD = "old"


class Note(Frozen):
    """One update of a node. `finished`: the node has what `goal` says and serves again.

    `kernel` is the one that ran before, as `uname -r` tells it; None where no reboot is due. On the
    way back `staying` are the packages that stay as they are; what had come else goes.
    """

    changes: tuple[Change, ...]
    goal: Goal = Goal.NEW
    finished: bool = False
    reboot: bool = False
    kernel: str | None = None
    staying: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Change, ...]:
        """Return the changes on the way to the goal."""
        if self.goal is Goal.NEW:
            return self.changes
        return tuple(
            Change(name=change.name, old=change.new, new=change.old)
            for change in self.changes
            if change.name not in self.staying
        )

    @property
    def removals(self) -> frozenset[str]:
        """The packages that go."""
        return frozenset(step.name for step in self.steps if step.new is None)

    @property
    def new_kernels(self) -> frozenset[str]:
        """The versions of kernels that came besides those that were, as `uname -r` tells them."""
        return frozenset(
            each.name.removeprefix(KERNEL)
            for each in self.changes
            if each.old is None and each.name.startswith(KERNEL)
        )

    def with_more(
        self, changes: Iterable[Change], present: Mapping[str, str], *, reboot: bool
    ) -> Note:
        """Return the note of an update that goes on to what apt offers now.

        `present` are the versions that the node has of what the note names. What was before the
        update began stays what it was, and what is neither there nor offered any more is left out.
        """
        before = {change.name: change for change in self.changes}
        merged = {
            name: change.model_copy(update={"new": present[name]})
            for name, change in before.items()
            if present.get(name) not in (None, change.old)
        }
        for change in changes:
            known = before.get(change.name)
            merged[change.name] = (
                change if known is None else change.model_copy(update={"old": known.old})
            )
        found = tuple(merged[name] for name in sorted(merged))
        again = reboot or self.reboot or wants_boot(found)
        return Note(changes=found, reboot=again, kernel=self.kernel)

    def back(self, *, reboot: bool) -> Note:
        """Return the note of the way back."""
        again = reboot or wants_boot(self.changes)
        return self.model_copy(update={"goal": Goal.OLD, "finished": False, "reboot": again})

    def done(self) -> Note:
        """Return the note of an update that is over."""
        return self.model_copy(update={"finished": True})


def parse_note(text: str, node: str) -> Note | None:
    """Read a node's note; None when it has none. Raises HalabError for one that says nothing."""
    if not text.strip():
        return None
    try:
        return Note.model_validate_json(text)
    except ValidationError as error:
        raise HalabError(
            f"{node}: {PATH} is no note of an update",
            detail=str(error),
            hint=f"remove {FOLDER} on {node} to begin anew; its old packages go with it",
        ) from error

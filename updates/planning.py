"""Which nodes are updated, in which order and how; decided from what was found on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from core.errors import HalabError
from updates.apt import Change, wants_boot
from updates.note import Goal, Note


@dataclass(frozen=True)
class Found:
    """A node before the update: its note, and what its apt would change."""

    node: str
    note: Note | None
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Turn:
    """One node's part of the update; `resumes` where an earlier one did not come to its end."""

    node: str
    note: Note
    resumes: bool = False

    def lines(self) -> Iterator[str]:
        """Say what will be done to the node."""
        word = ", goes on where it was left" if self.resumes else ""
        yield f"{self.node}{word}:"
        for change in self.note.steps:
            yield f"  {change}"
        install = "install, reboot" if self.note.reboot else "install, start the cluster"
        yield f"  steps: standby, stop the cluster, {install}, online"


def plan(
    found: Collection[Found], dc: str | None, *, back: bool = False, reboot: bool = False
) -> tuple[Turn, ...]:
    """Return the turns in order: what was left in the middle first, the coordinator (`dc`) last.

    The cluster elects another coordinator when its own leaves, so that costs one election. Raises
    HalabError when a node is on its way back and the update shall go forward.
    """
    made = _back(found, reboot=reboot) if back else _forward(found, reboot=reboot)
    return tuple(sorted(made, key=lambda turn: (not turn.resumes, turn.node == dc)))


def _forward(found: Iterable[Found], *, reboot: bool) -> Iterator[Turn]:
    for each in found:
        note = each.note
        if note is None or note.finished:
            if each.changes:
                wanted = reboot or wants_boot(each.changes)
                yield Turn(each.node, Note(changes=each.changes, reboot=wanted))
        elif note.goal is Goal.OLD:
            raise HalabError(
                f"{each.node} was left on the way back to its old packages",
                hint="run this with --rollback to finish that, then update again",
            )
        else:
            yield Turn(each.node, note.with_more(each.changes, reboot=reboot), resumes=True)


def _back(found: Iterable[Found], *, reboot: bool) -> Iterator[Turn]:
    for each in found:
        if each.note is not None:
            yield Turn(each.node, each.note.back(reboot=reboot), resumes=not each.note.finished)

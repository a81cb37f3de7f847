"""Which nodes are updated, in which order and how; decided from what was found on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from core.errors import HalabError
from parts.seen import NodeState
from status.model import LabStatus
from updates.apt import Change, wants_boot
from updates.note import Goal, Note


@dataclass(frozen=True)
class Found:
    """A node before the update: its note, and what its apt would change.

    `present` are the versions that it has of what an unfinished note names.
    """

    node: str
    note: Note | None
    changes: tuple[Change, ...]
    present: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """One node's part of the update; `resumes` where an earlier one did not come to its end."""

    node: str
    note: Note
    resumes: bool = False

    @property
    def is_back(self) -> bool:
        """Whether it brings back what an update has replaced."""
        return self.note.goal is Goal.OLD

    @property
    def mends(self) -> bool:
        """Whether it takes back, or ends, what an update has done to the lab."""
        return self.is_back or self.resumes

    @property
    def has_nothing_left(self) -> bool:
        """Whether nothing is to be installed: only the node may not be what it was yet."""
        return not self.note.steps

    def lines(self) -> Iterator[str]:
        """Say what will be done to the node."""
        word = ", goes on where it was left" if self.resumes else ""
        yield f"{self.node}{word}:"
        if self.has_nothing_left:
            yield "  nothing is left to install; steps: online"
            return
        for change in self.note.steps:
            yield f"  {change}"
        install = "install, reboot" if self.note.reboot else "install, start the cluster"
        yield f"  steps: standby, stop the cluster, {install}, online"


@dataclass(frozen=True)
class Roles:
    """What nodes are to the cluster just now, by name: who is online, serves, and coordinates it.

    Who serves is a node at which clients find a service.
    """

    online: frozenset[str]
    serving: frozenset[str]
    dc: str | None

    @classmethod
    def of(cls, lab: LabStatus) -> Roles:
        """Return them as a lab is."""
        return cls(
            frozenset(node.name for node in lab.nodes if node.state is NodeState.ONLINE),
            frozenset(name for service in lab.services for name in service.nodes),
            lab.dc,
        )


def plan(
    found: Collection[Found], roles: Roles, *, back: bool = False, reboot: bool = False
) -> tuple[Turn, ...]:
    """Return the turns in order: nodes that are away first, the coordinator last.

    Of the others what was left in the middle comes first, and on the way back, where what was
    installed may be broken, who serves nobody. The cluster elects another coordinator when its own
    leaves, so that costs one election. Raises HalabError when a node is on its way back and the
    update shall go forward.
    """
    made = _back(found, reboot=reboot) if back else _forward(found, reboot=reboot)

    def order(turn: Turn) -> tuple[bool, ...]:
        spared = turn.node in roles.serving if back else not turn.resumes
        return turn.node in roles.online, spared, turn.node == roles.dc

    return tuple(sorted(made, key=order))


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
            more = note.with_more(each.changes, each.present, reboot=reboot)
            yield Turn(each.node, more, resumes=True)


def _back(found: Iterable[Found], *, reboot: bool) -> Iterator[Turn]:
    for each in found:
        if each.note is not None and each.note.changes:
            yield Turn(each.node, each.note.back(reboot=reboot), resumes=not each.note.finished)

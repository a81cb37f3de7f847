"""Which drills come one after the other: at random for a soak, well chosen for an exam. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from core.errors import HalabError
from drills.catalogue import catalogue, find
from drills.drill import ALL, Drill
from labs.roles import MachineRole
from parts.all import Parts
from status.events import Event

EXAM = (
    "standby",
    "service-killed",
    "service-master-killed",
    "link-a-down",
    "link-b-down",
    "service-cable-lost",
    "quorum-device-lost",
    "replication-cut",
    "export-removed",
    "shared-disk-lost",
    "lock-manager-killed",
    "power-off",
    "corosync-killed",
    "freeze",
    "partition",
)
"""What a cluster has to survive before it is accepted, as far as it can be asked: the gentle ones
first, so that an early failure is told before the long ones begin."""


@dataclass(frozen=True)
class Turn:
    """One drill of a series; `seed` is its own and repeats it alone.

    With an `event`, what comes of it is compared with what the cluster's scheduler says before.
    """

    number: int
    drill: Drill
    target: str
    seed: int
    event: Event | None = None


def soak(parts: Parts, seed: int) -> Iterator[Turn]:
    """Draw from a lab's drills without end; the same seed draws the same ones.

    None in which everybody is lost, which takes longer than all others.
    """
    random, nodes = Random(seed), [node.name for node in parts.inventory.nodes]
    drills = [drill for _, drill in sorted(catalogue(parts).items()) if drill.target != ALL]
    number = 0
    while True:
        number += 1
        drill = random.choice(drills)
        free = drill.role is MachineRole.NODE and drill.only is None
        # Where all nodes serve, none stands by.
        part = drill.about(parts)
        words = ("active",) if part.service.everywhere else ("active", "standby")
        # Who can never serve it is lost as well, by faults of whole nodes.
        beside = () if drill.service else (name for name in nodes if name not in part.places)
        target = random.choice((*words, *beside)) if free else drill.target
        yield Turn(number, drill, target, random.randrange(1_000_000))


def exam(parts: Parts, seed: int, names: Sequence[str] = ()) -> tuple[Turn, ...]:
    """Return the acceptance set, or the drills of these names, each with its default target.

    Raises HalabError for a name that is no drill of the lab.
    """
    known = catalogue(parts)
    drills = [find(name, parts) for name in names or _accepting(known)]
    return tuple(
        Turn(number, drill, drill.target, seed + number - 1)
        for number, drill in enumerate(drills, 1)
    )


def _accepting(known: Mapping[str, Drill]) -> Iterator[str]:
    """Yield what of EXAM a lab can be asked, of all its services and storage."""
    for wanted in EXAM:
        for name, drill in known.items():
            if name == wanted or (drill.service and name.endswith(f"-{wanted}")):
                yield name


def rehearsal(parts: Parts, events: Sequence[Event], number: int) -> Turn:
    """Return the drill that is the same as what was imagined; chance has no part in it.

    Raises HalabError where no drill of the lab is.
    """
    said = ", ".join(event.words for event in events)
    own = {drill.event: drill for drill in catalogue(parts).values() if drill.event}
    drill = own.get(events[0].kind) if len(events) == 1 else None
    at = events[0].at
    if drill is None or (at and parts.inventory.machine(at).role is not drill.role):
        raise HalabError(
            f"{said}: no drill is just that, so it cannot be checked",
            hint=f"what can be: one of {', '.join(sorted(own))}",
        )
    if at is None and drill.about(parts).service.everywhere:
        raise HalabError(f"{said}: a drill hits one node", hint=f"say at which: {said} NODE")
    return Turn(number, drill, at or drill.target, 0, events[0])

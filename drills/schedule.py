"""Which drills come one after the other: at random for a soak, well chosen for an exam. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from drills.catalogue import CATALOGUE
from drills.drill import Drill
from labs.roles import MachineRole

EXAM = (
    "standby",
    "service-killed",
    "service-master-killed",
    "link-a-down",
    "link-b-down",
    "service-cable-lost",
    "quorum-device-lost",
    "replication-cut",
    "power-off",
    "corosync-killed",
    "freeze",
    "partition",
)
"""What a cluster has to survive before it is accepted: the gentle ones first, so that an early
failure is told before the long ones begin."""

CALM = frozenset({"blackout", "rejoin", "stale-first"})
"""Not drawn in a soak: everybody is lost, which takes longer than all others."""


@dataclass(frozen=True)
class Turn:
    """One drill of a series; `seed` is its own and repeats it alone."""

    number: int
    drill: Drill
    target: str
    seed: int


def soak(seed: int) -> Iterator[Turn]:
    """Draw drills without end; the same seed draws the same ones, on any lab."""
    random = Random(seed)
    drills = [drill for name, drill in sorted(CATALOGUE.items()) if name not in CALM]
    number = 0
    while True:
        number += 1
        drill = random.choice(drills)
        free = drill.role is MachineRole.NODE and drill.only is None
        target = random.choice(("active", "standby")) if free else drill.target
        yield Turn(number, drill, target, random.randrange(1_000_000))


def exam(seed: int, names: tuple[str, ...] = EXAM) -> Iterator[Turn]:
    """Return the acceptance set, each drill with its default target."""
    for number, name in enumerate(names, 1):
        drill = CATALOGUE[name]
        yield Turn(number, drill, drill.target, seed + number - 1)

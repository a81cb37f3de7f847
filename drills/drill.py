"""What a drill is: a fault, whom it may hit, and what has to happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drills.expectations import Expectation, Expected, unnoticed, with_awaited
from drills.faults.base import Fault
from drills.situation import Situation
from labs.roles import MachineRole
from parts.all import Parts
from parts.services.base import ServicePart

ALL = "all"
"""The target of a drill in which every node is lost."""

SETTLE_S = 15.0
"""Seconds that a fault which nobody may notice is held at least: DRBD needs 13 to miss its peer."""


@dataclass(frozen=True)
class Drill:
    """One fault of the catalogue.

    `target` is who is hit unless a person says otherwise; `role` the kind of machine that can be,
    `only` says that it has to be the active node or that it must not; `most` how many at once.
    `service` names the one that it is about, and `others` is what has to happen to the lab's other
    services: nothing, unless it says so. Without one, a fault is about all that its targets run,
    and the lab's first service is that of which "active" is said. `hold_s`: seconds that the fault
    is held at least. `watch`: where to look while it runs. `by_hand`: how a person heals it without
    halab. `event` is the kind of event of `what-if` that the fault is.
    """

    name: str
    title: str
    teaches: str
    watch: str
    by_hand: str
    fault: Fault
    expects: Expectation
    target: str = "active"
    role: MachineRole = MachineRole.NODE
    only: Literal["active", "standby"] | None = None
    most: int = 1
    service: str | None = None
    others: Expectation = field(default_factory=unnoticed)
    hold_s: float = 0.0
    event: str | None = None

    def about(self, parts: Parts) -> ServicePart:
        """Return the service of a lab that the drill is about."""
        return parts.first_service if self.service is None else parts.services[self.service]

    def expected(self, situation: Situation) -> Expected:
        """Return what has to happen to the service that this situation is of.

        It is away as well while one is without which it does not run.
        """
        mine = self.service in (None, situation.part.service.name)
        found = self.expects(situation) if mine else self.others(situation)
        return with_awaited(situation, found, map(self.expected, situation.awaited))

"""What a drill is: a fault, whom it may hit, and what has to happen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from drills.expectations import Expectation, Expected, unnoticed
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
        return _with_awaited(situation, found, map(self.expected, situation.awaited))


def _with_awaited(situation: Situation, own: Expected, awaited: Iterable[Expected]) -> Expected:
    """Return what has to happen to a service that starts after others, and not without them.

    When one of them is away, it is stopped, and started where it was once that one runs; and again
    when that one comes home.
    """
    away = [each for each in awaited if each.interrupted]
    if not away:
        return own
    budget = situation.budget
    # Who has to move as well has stopped already; the time for that is left to it.
    again_s = 2 * budget.start_s + budget.pause_s
    coming_s = max((each.return_s or 0.0 for each in away), default=0.0)
    longest_s = max(own.outage_s, *(each.outage_s for each in away))
    if own.return_s is None:
        longest_s = max(longest_s, coming_s)
    return replace(
        own,
        interrupted=True,
        outage_s=round(longest_s + again_s, 1),
        return_s=None if own.return_s is None else round(max(own.return_s, coming_s) + again_s, 1),
    )

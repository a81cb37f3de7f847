"""What is to be done: one drill, in one lab, at these machines."""

from __future__ import annotations

from dataclasses import dataclass

from drills.drill import Drill
from drills.expectations import Expected
from drills.site import Audience, Site
from drills.snapshot import Snapshot
from parts.services.base import ServicePart
from status.forecast import Forecast


@dataclass(frozen=True)
class Stake:
    """A service that a client outside uses during a drill, and what has to happen to it."""

    part: ServicePart
    expected: Expected


@dataclass(frozen=True)
class Order:
    """A drill that is about to begin.

    `part` is the service that it is about. `word` is how the targets were asked for; `before` is
    the lab before the fault, and `expected` what has to happen to it. `beside` are the lab's other
    services. `forecast` is what the cluster's scheduler says that comes of it, to be compared.
    """

    site: Site
    part: ServicePart
    drill: Drill
    audience: Audience
    word: str
    targets: tuple[str, ...]
    seed: int
    before: Snapshot
    expected: Expected
    beside: tuple[Stake, ...] = ()
    forecast: Forecast | None = None

    @property
    def stakes(self) -> tuple[Stake, ...]:
        """All services that clients use meanwhile, first that which the drill is about."""
        return (Stake(self.part, self.expected), *self.beside)

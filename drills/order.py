"""What is to be done: one drill, in one lab, at these machines."""

from __future__ import annotations

from dataclasses import dataclass

from drills.drill import Drill
from drills.expectations import Expected
from drills.site import Audience, Site
from drills.snapshot import Snapshot
from parts.services.base import ServicePart


@dataclass(frozen=True)
class Order:
    """A drill that is about to begin.

    `part` is the service that a client outside uses meanwhile. `word` is how the targets were asked
    for; `before` is the lab before the fault, and `expected` what has to happen to it.
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

"""Every story is one drill: a healthy lab, a fault, a client outside, the judge at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.folders import LabFolder
from core.saying import Say
from drills.catalogue import find
from drills.drill import Drill
from drills.failover import words
from drills.result import Answer, DrillResult
from drills.runner import new_seed, run
from drills.site import Site
from hypervisor.reset import can_reset
from inventory.model import Inventory
from status.health import wait_healthy

Rehearse = Callable[[str | Drill], DrillResult]


class Printing:
    """An audience whose words pytest shows when a story fails."""

    def phase(self, name: str) -> None:
        print(f"== {name}")

    def say(self, sentence: str) -> None:
        print(f"   {sentence}")

    def service(self, silent_s: float, allowed_s: float) -> None:
        pass


@pytest.fixture
def site(folder: LabFolder, inventory: Inventory) -> Site:
    """Return the lab, healthy: an earlier story may have failed half-way."""
    found = Site.of(folder)
    if can_reset(folder):
        found.reset(print)
    else:
        wait_healthy(inventory, inventory.timing.healthy_wait_s)
    return found


@pytest.fixture
def rehearse(site: Site, tell: Say) -> Rehearse:
    """Return a function that runs a drill and tells what clients saw."""

    def rehearse(drill: str | Drill) -> DrillResult:
        entry = find(drill, site.parts) if isinstance(drill, str) else drill
        kept = run(site, entry, Printing(), seed=new_seed())
        for line in words(kept.result):
            tell(line)
        return kept.result

    return rehearse


def require_pass(result: DrillResult) -> None:
    """Fail with every check that is not a plain yes; what could not be told is none."""
    bad = [check for check in result.checks if check.answer is not Answer.PASS]
    assert result.checks
    assert not bad, "\n".join(
        f"{check.answer.value}: {check.question} {check.evidence}" for check in bad
    )

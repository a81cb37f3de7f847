"""A node that serves loses its power while a client reads, and writes."""

from __future__ import annotations

from parts.all import Parts
from tests.failover.conftest import Rehearse, require_pass


def test_a_survivor_takes_over_and_no_promise_is_broken(rehearse: Rehearse, parts: Parts) -> None:
    result = rehearse("power-off")
    require_pass(result)
    [victim] = result.targets
    active = {sheet.name for sheet in result.machines if sheet.active_after}
    part = parts.first_service
    # What is at home there comes home.
    assert (victim in active) == (victim in parts.inventory.homes(part.service).values())
    assert active
    # Every step was seen, and in the order that keeps data safe.
    steps = 5 if part.storage and part.storage.replicated else 4
    bounds = [at for phase in result.phases for at in (phase.began, phase.ended)]
    assert len(result.phases) == steps and None not in bounds
    assert bounds == sorted(at for at in bounds if at is not None)

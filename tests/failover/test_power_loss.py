"""The active node loses its power while a client reads and writes."""

from __future__ import annotations

from tests.failover.conftest import Rehearse, require_pass


def test_the_survivor_takes_over_and_no_promise_is_broken(rehearse: Rehearse) -> None:
    result = rehearse("power-off")
    require_pass(result)
    [victim] = result.targets
    [active] = [sheet.name for sheet in result.machines if sheet.active_after]
    assert active != victim
    # Every step was seen, and in the order that keeps data safe.
    bounds = [at for phase in result.phases for at in (phase.began, phase.ended)]
    assert len(result.phases) == 5 and None not in bounds
    assert bounds == sorted(at for at in bounds if at is not None)

"""The active node loses its power while a client reads and writes."""

from __future__ import annotations

import time

from drills import audits
from drills.faults import powered_off
from drills.probes import worst_outage
from drills.timeline import cut, find_milestones, read_journal
from tests.failover.stage import Stage


def test_the_survivor_takes_over_and_no_promise_is_broken(stage: Stage) -> None:
    victim, survivor = stage.active, stage.survivor
    budget = stage.timing.budget
    with stage.hypervisor() as watch, stage.client() as probe:
        began_here, began = time.time(), stage.clock.now()
        with powered_off(stage.power, victim.name):
            # Longer than the budget: a slow failover is to be measured, not only refused.
            probe.wait_settled(began, timeout=2 * budget.total_s + 60)
            stage.wait_for(
                f"{survivor.name} active",
                lambda status: status.active == survivor.name and status.service.answers,
                stage.timing.healthy_wait_s,
            )
            attempts = probe.attempts()
            milestones = find_milestones(read_journal(survivor, began), victim.name, survivor.name)
            timeline = cut(worst_outage(attempts, began - 5), milestones, budget)
            stage.tell(str(timeline))

        # The client goes on while the victim comes back: a rejoin must not disturb it.
        back = stage.clock.now()
        stage.wait_healthy(stage.timing.rejoin_wait_s)
        attempts = probe.stop()
        rejoin = worst_outage(attempts, back)
        stage.tell(
            f"rejoin took {stage.clock.now() - back:.0f} s, longest gap {rejoin.seconds:.1f} s"
        )

        stage.audit(
            attempts,
            probe.run,
            fenced={victim.name},
            besides=lambda after: [
                audits.within_budget(timeline),
                audits.fenced_before_promotion(timeline),
                audits.moved(victim.name, after),
                audits.hypervisor_saw(victim.name, watch.resets(victim.name, began_here - 1)),
                audits.disks_equal(stage.inventory, survivor, stage.timing.healthy_wait_s),
            ],
        )

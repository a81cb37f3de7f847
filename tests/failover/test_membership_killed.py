"""Corosync dies on the active node: the node is alive but outside, so it has to be fenced."""

from __future__ import annotations

import time

from drills import audits
from drills.faults import kill
from drills.probes import worst_outage
from drills.timeline import cut, find_milestones, read_journal
from tests.failover.stage import Stage


def test_the_node_is_reset_before_the_survivor_takes_over(stage: Stage) -> None:
    victim, survivor = stage.active, stage.survivor
    budget = stage.timing.budget
    with stage.hypervisor() as watch, stage.client() as probe:
        began_here, began = time.time(), stage.clock.now()
        kill(victim, "corosync")
        reset = watch.wait_reset(
            victim.name, began_here - 1, timeout=2 * stage.timing.stonith_timeout_s
        )
        stage.tell(f"reset {reset.at - began_here:.1f} s after the kill ({reset.kind})")
        probe.wait_settled(began, timeout=2 * budget.total_s + 60)
        milestones = find_milestones(read_journal(survivor, began), victim.name, survivor.name)

        stage.wait_healthy(stage.timing.rejoin_wait_s)
        attempts = probe.stop()
        timeline = cut(worst_outage(attempts, began - 5), milestones, budget)
        stage.tell(f"client outage {timeline.outage.seconds:.1f} s of {budget.total_s:.1f} s")

        stage.audit(
            attempts,
            probe.run,
            fenced={victim.name},
            besides=lambda after: [
                audits.within_budget(timeline),
                audits.fenced_before_promotion(timeline),
                audits.moved(victim.name, after),
                audits.hypervisor_saw(victim.name, watch.resets(victim.name, began_here - 1)),
            ],
        )

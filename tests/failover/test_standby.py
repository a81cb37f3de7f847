"""A person moves the service away from a node for maintenance, and lets the node come back."""

from __future__ import annotations

from drills import audits
from drills.faults import standby
from drills.probes import worst_outage
from drills.verdicts import Verdict
from status.model import NodeState
from tests.failover.stage import Stage


def test_the_service_moves_without_fencing(stage: Stage) -> None:
    leaving, other = stage.active, stage.survivor
    budget = stage.timing.budget
    with stage.client() as probe:
        began = stage.clock.now()
        with standby(by=other, node=leaving.name):
            probe.wait_settled(began, timeout=stage.timing.healthy_wait_s)
            moved = stage.wait_for(
                f"{other.name} active",
                lambda status: status.active == other.name and status.service.answers,
                stage.timing.healthy_wait_s,
            )
        stage.wait_healthy(stage.timing.healthy_wait_s)
        attempts = probe.stop()
        outage = worst_outage(attempts, began - 5)
        stage.tell(
            f"client outage {outage.seconds:.1f} s (a failover may take {budget.total_s:.1f})"
        )

        states = {node.name: node.state for node in moved.nodes}
        assert states[leaving.name] is NodeState.STANDBY
        stage.audit(
            attempts,
            probe.run,
            fenced=(),
            besides=lambda after: [
                audits.moved(leaving.name, after),
                Verdict(
                    "is a planned move shorter than a failover may be",
                    outage.seconds <= budget.total_s,
                    f"{outage.seconds:.1f} s of {budget.total_s:.1f} s",
                ),
            ],
        )

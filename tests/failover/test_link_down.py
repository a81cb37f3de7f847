"""One of the two cluster links is lost at the active node: nothing may happen but a report."""

from __future__ import annotations

import time

import pytest

from drills import audits
from drills.audits import snapshot
from drills.faults import unplugged
from drills.outside import PROBE_EVERY
from drills.probes import worst_outage
from drills.verdicts import Verdict
from labs.roles import NetworkRole
from status.model import LabStatus
from tests.failover.stage import Stage

NOTICED_BY_DRBD_S = 15.0
"""ping-int 10 + ping-timeout 3, and a little: what DRBD needs to notice that a path is dead."""

LONGEST_STALL_S = 3.0
"""The replication bond hides the loss (measured: 0.8 s for the slowest write); a failover would
take ten times as long."""


@pytest.mark.parametrize(
    ("network", "number"),
    [(NetworkRole.CLUSTER_A, 0), (NetworkRole.CLUSTER_B, 1)],
    ids=["link 0", "link 1"],
)
def test_only_the_link_is_reported(stage: Stage, network: NetworkRole, number: int) -> None:
    active, other = stage.active, stage.survivor
    with stage.hypervisor() as watch, stage.client() as probe:
        began_here, began = time.time(), stage.clock.now()
        with unplugged(stage.power, active.name, network):
            stage.wait_for(
                f"link {number} reported as lost by both nodes",
                lambda status: (
                    lost(status)
                    == {(active.name, number, other.name), (other.name, number, active.name)}
                ),
                stage.timing.healthy_wait_s,
            )
            enough = int(NOTICED_BY_DRBD_S / PROBE_EVERY)
            probe.wait_probes(enough, began, timeout=10 * NOTICED_BY_DRBD_S)
            during = snapshot(stage.inventory)
        stage.wait_healthy(stage.timing.healthy_wait_s)
        attempts = probe.stop()
        outage = worst_outage(attempts, began - 5)
        slowest = max(a.ended - a.begun for a in attempts if a.kind == "write" and a.wall >= began)
        stage.tell(f"longest gap {outage.seconds:.1f} s, slowest write {slowest:.1f} s")

        assert set(during.status.reasons) == {
            f"cluster link {number} from {active.name} to {other.name} is down",
            f"cluster link {number} from {other.name} to {active.name} is down",
        }
        assert {disk.connection for disk in during.status.replication.values()} == {"Connected"}
        stage.audit(
            attempts,
            probe.run,
            fenced=(),
            besides=lambda after: [
                audits.stayed(stage.before, during),
                audits.stayed(stage.before, after),
                Verdict(
                    "did clients hardly notice",
                    max(outage.seconds, slowest) <= LONGEST_STALL_S,
                    f"longest gap {outage.seconds:.1f} s, slowest write {slowest:.1f} s",
                ),
                Verdict(
                    "did the hypervisor see no reset",
                    not any(watch.resets(node.name, began_here) for node in stage.inventory.nodes),
                    "",
                ),
            ],
        )


def lost(status: LabStatus) -> set[tuple[str, int, str]]:
    """Return the links that are down, as each node sees them."""
    return {(link.node, link.link, link.peer) for link in status.links if not link.connected}

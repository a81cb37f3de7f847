"""Replication is lost on every path while both nodes see each other: data first, no fencing.

This is what DRBD's fence-peer handler is for: the active node may only go on alone once a
constraint keeps the other from promotion.
"""

from __future__ import annotations

from drills import audits
from drills.audits import snapshot
from drills.faults import replication_cut
from drills.probes import worst_outage
from tests.failover.stage import Stage


def test_the_active_node_goes_on_alone_and_takes_the_other_back(stage: Stage) -> None:
    active, other = stage.active, stage.survivor
    with stage.client() as probe:
        began = stage.clock.now()
        with replication_cut(other):
            lonely = stage.wait_for(
                f"{other.name} kept from promotion",
                lambda status: any("drbd-fence-by-handler" in r for r in status.reasons),
                stage.timing.healthy_wait_s,
            )
            during = snapshot(stage.inventory)
            since = stage.clock.now()
            probe.wait_probes(25, since, timeout=60)
        stage.wait_healthy(stage.timing.healthy_wait_s)
        attempts = probe.stop()
        slowest = max(a.ended - a.begun for a in attempts if a.kind == "write" and a.wall >= began)
        outage = worst_outage(attempts, began - 5)
        stage.tell(f"longest gap {outage.seconds:.1f} s, slowest write {slowest:.1f} s")

        assert lonely.active == active.name
        assert during.status.replication[active.name].peer_disk in ("Outdated", "DUnknown")
        assert any(a.kind == "write" and a.ok and a.wall >= since for a in attempts)
        stage.audit(
            attempts,
            probe.run,
            fenced=(),
            besides=lambda after: [
                audits.stayed(stage.before, during),
                audits.stayed(stage.before, after),
            ],
        )

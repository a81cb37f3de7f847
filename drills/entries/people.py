"""What people do to a cluster: mistakes, maintenance, starts in the wrong order."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import planned_move, served_alone, stale_alone, unnoticed
from drills.faults import departure, operator

ENTRIES = (
    Drill(
        name="wrong-configuration",
        title="A wrong corosync.conf keeps a node from coming back",
        teaches="A mistake on one node stays on one node.",
        watch="systemctl status corosync there; the others are quorate.",
        by_hand="Correct the file, then systemctl start corosync pacemaker.",
        only="standby",
        fault=operator.wrong_configuration(),
        expects=unnoticed(r"^corosync does not answer on \S+$"),
        target="standby",
    ),
    Drill(
        name="rejoin",
        title="A node joins another that serves alone and has never met it",
        teaches="Who comes back harms nobody: its quorum device waits until the membership rests.",
        watch="journalctl --unit corosync on the node that serves: it lives on.",
        by_hand="systemctl start corosync pacemaker on the node that is away",
        fault=departure.newest_first(),
        expects=served_alone,
        target="all",
        most=99,
    ),
    Drill(
        name="stale-first",
        title="All nodes are stopped, and the one with the older data starts first",
        teaches="Old data are never served: the node waits for newer ones, and nothing fails.",
        watch="crm_mon: the stale node stays unpromoted, no failed operation, no fail count.",
        by_hand="systemctl start corosync pacemaker on the other node",
        fault=departure.stale_first(),
        expects=stale_alone,
        target="all",
        most=99,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="standby",
        title="A node is sent into standby for maintenance",
        teaches="A planned move: no fencing, and shorter than any failover.",
        watch="crm_mon: the resources stop there and start elsewhere.",
        by_hand="crm_standby --node NODE --delete",
        fault=operator.standby(),
        expects=planned_move,
    ),
)

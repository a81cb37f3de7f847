"""What people do to a cluster: mistakes and maintenance."""

from __future__ import annotations

from drills.cold_starts import waits_for_all
from drills.drill import ALL, SETTLE_S, Drill
from drills.expectations import left_to_itself, planned_move
from drills.faults import departure, operator
from parts.all import Parts
from status.events import STANDBY


def entries(parts: Parts) -> tuple[Drill, ...]:
    """Return what people do to a lab."""
    # Where all nodes serve, none stands by.
    bystander = "any" if parts.first_service.service.everywhere else "standby"
    return (
        Drill(
            name="wrong-configuration",
            title="A wrong corosync.conf keeps a node from coming back",
            teaches="A mistake on one node stays on one node.",
            watch="systemctl status corosync there; the others are quorate.",
            by_hand="Correct the file, then systemctl start corosync pacemaker.",
            fault=operator.wrong_configuration(parts.cluster_units),
            expects=left_to_itself,
            target=bystander,
        ),
        Drill(
            name="standby",
            title="A node is sent into standby for maintenance",
            teaches="A planned move: no fencing, and shorter than any failover.",
            watch="crm_mon: the resources stop there and start elsewhere.",
            by_hand="crm_standby --node NODE --delete",
            fault=operator.standby(),
            expects=planned_move,
            event=STANDBY,
        ),
    )


def together(parts: Parts) -> tuple[Drill, ...]:
    """Return what people do where a node that starts waits until it has seen all others."""
    return (
        Drill(
            name="first-alone",
            title="All nodes are stopped, and one starts alone",
            teaches=(
                "Who starts cannot know whether the other serves: it waits until both have met."
            ),
            watch="corosync-quorumtool -s there: Quorate is No, and WaitForAll among the flags.",
            by_hand="systemctl start corosync pacemaker on the other node",
            fault=departure.first_alone(parts.leaving, parts.joining),
            expects=waits_for_all,
            target=ALL,
            most=99,
            hold_s=SETTLE_S,
        ),
    )

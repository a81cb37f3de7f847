"""What people do to a cluster: mistakes and maintenance."""

from __future__ import annotations

from drills.drill import Drill
from drills.expectations import left_to_itself, planned_move
from drills.faults import operator
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

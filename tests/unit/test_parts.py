"""Others name what parts run: everybody means the same."""

from __future__ import annotations

import re

import pytest

from drills.catalogue import catalogue
from inventory.model import Inventory
from parts.all import Parts
from parts.seen import NodeSeen, Seen
from status.rules import judge
from tests.unit.composed_labs import LABS, primitives
from wire.cib import Deeds
from wire.pacemaker import ClusterView, Member

every_lab = pytest.mark.parametrize("lab", LABS.values(), ids=LABS)


def idle(lab: Inventory) -> Seen:
    """Return nodes that are all well, and a cluster that runs nothing."""
    members = tuple(
        Member(
            node.name, online=True, standby=False, unclean=False, pending=False, maintenance=False
        )
        for node in lab.nodes
    )
    view = ClusterView(
        dc=lab.nodes[0].name,
        quorate=True,
        fencing_enabled=True,
        maintenance=False,
        members=members,
        instances=(),
        bans=(),
        failures=(),
        fail_counts=(),
        fence_events=(),
    )
    node = NodeSeen(
        boot_id="boot",
        cluster=view,
        quorum=None,
        links=(),
        addresses=frozenset(),
        mounts={},
        units={},
        deeds=Deeds(),
        room=None,
    )
    return Seen(nodes={each.name: node for each in lab.nodes}, monitor=None)


@every_lab
def test_status_asks_for_all_that_the_cluster_runs_and_for_nothing_else(lab: Inventory) -> None:
    told = " ".join(reason.sentence for reason in judge(Parts(lab), idle(lab)))
    asked = set(re.findall(r"resource (\S+) (?:is not (?:started|promoted)|promoted)", told))
    assert asked == {primitive.id for primitive in primitives(lab)}


@every_lab
def test_people_are_told_to_clean_up_what_is_there(lab: Inventory) -> None:
    texts = " ".join(drill.by_hand for drill in catalogue(Parts(lab)).values())
    cleaned = re.findall(r"--resource (\S+)", texts)
    assert {service.resource for service in lab.services} <= set(cleaned)
    assert set(cleaned) <= {primitive.id for primitive in primitives(lab)}
    mended = re.findall(r"drbdadm (?:attach|secondary|disconnect|connect) (\w+)", texts)
    assert set(mended) == {each.resource for each in lab.storage if each.replicated}

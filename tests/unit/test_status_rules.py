"""Every rule of health speaks when it is broken, names host and thing, and is silent otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parts.addresses import cable
from parts.seen import NodeState, Seen
from status.collect import describe
from status.model import LabStatus
from status.rules import judge
from tests.unit.broken_lab import (
    broken,
    node_of,
    outside,
    seen_by_cluster,
    sentences,
    silent,
    situation,
    view_of,
    with_disk,
    with_kernel,
    with_slots,
)
from tests.unit.healthy_lab import ADDRESS, FIXTURES, HEALTHY, NODE_UNITS, PARTS, cluster_of
from tests.unit.sketched import TRIO_TABLES, sketched
from wire.corosync import Link, QdeviceState, QuorumView
from wire.pacemaker import Ban, FailCount, FenceEvent, Member, parse_cluster
from wire.system import Room

INSTANCES = view_of(HEALTHY).instances

MONITOR_UNITS = HEALTHY.monitor.units if HEALTHY.monitor else {}


def test_a_healthy_lab_has_no_reasons() -> None:
    assert judge(PARTS, HEALTHY) == ()


def test_the_healthy_lab_is_one_that_was_captured() -> None:
    assert cluster_of(PARTS) == parse_cluster((FIXTURES / "crm_mon-healthy.xml").read_text())


@pytest.mark.parametrize("connection", ["Connected", "SyncTarget"])
def test_who_is_in_touch_with_the_newer_data_waits_for_nobody(connection: str) -> None:
    readings = with_disk("node2", connection=connection, disk="Outdated")
    assert not [r for r in judge(PARTS, readings) if "waits for" in str(r)]


def test_good_data_wait_for_nobody() -> None:
    alone = with_disk("node2", connection="WFConnection", disk="UpToDate", peer_disk="DUnknown")
    assert not [reason for reason in sentences(alone) if "waits for" in reason]


@pytest.mark.parametrize(
    "room",
    [
        None,
        Room(free_mib=9000, blocks_percent=4, inodes_percent=50),
        Room(free_mib=700, blocks_percent=23, inodes_percent=11),
    ],
    ids=["not told", "small part of a large disk", "large part of a small disk"],
)
def test_a_root_filesystem_with_room_is_no_reason(room: Room | None) -> None:
    assert judge(PARTS, broken("node2", room=room)) == ()


def test_a_monitor_that_has_to_run_nothing_has_nothing_to_tell() -> None:
    """Without monitoring and a quorum device it is the client outside, and no more."""
    quiet = sketched("quiet", monitoring=False, **TRIO_TABLES)
    seen = outside(units={})
    silent_about = "monitor does not tell which services run"
    assert silent_about in sentences(seen)
    assert silent_about not in sentences(seen, quiet)


STORIES = [
    (replace(HEALTHY, monitor=None), "monitor does not answer over ssh"),
    (
        outside(units={**MONITOR_UNITS, "corosync-qnetd": "failed"}),
        "service corosync-qnetd on monitor is failed",
    ),
    (outside(answering=frozenset()), "http://10.30.0.100/ does not answer monitor"),
    (silent("node2"), "node2 does not answer over ssh"),
    (broken("node2", cluster=None), "pacemaker does not answer on node2"),
    (broken("node2", cluster=None), "node2 has not joined the cluster"),
    (broken("node2", units={**NODE_UNITS, "sbd": "failed"}), "service sbd on node2 is failed"),
    (broken("node2", units={}), "node2 does not tell which services run"),
    (
        broken("node2", room=Room(free_mib=180, blocks_percent=4.4, inodes_percent=80)),
        "the root filesystem of node2 is nearly full: 180 MiB (4 %) and 80 % of the inodes left",
    ),
    (
        broken("node1", room=Room(free_mib=2500, blocks_percent=61, inodes_percent=0.4)),
        "the root filesystem of node1 is nearly full: 2500 MiB (61 %) and 0 % of the inodes left",
    ),
    (
        outside(room=Room(300, 7.3, 80)),
        "the root filesystem of monitor is nearly full: 300 MiB (7 %) and 80 % of the inodes left",
    ),
    (broken("node2", quorum=None), "corosync does not answer on node2"),
    (
        broken("node2", quorum=QuorumView(False, 1, 3, QdeviceState.ABSENT, frozenset({2}))),
        "node2 is not in a quorate partition",
    ),
    (
        broken("node1", quorum=QuorumView(True, 2, 3, QdeviceState.SILENT, frozenset({1, 2}))),
        "node1 sees 2 of 3 votes",
    ),
    (
        broken("node1", quorum=QuorumView(True, 2, 3, QdeviceState.SILENT, frozenset({1, 2}))),
        "the quorum device does not vote for node1",
    ),
    (
        broken("node1", quorum=QuorumView(True, 2, 2, QdeviceState.ABSENT, frozenset({1, 2}))),
        "node1 has no quorum device",
    ),
    (
        broken("node1", quorum=QuorumView(True, 2, 2, None, frozenset({1, 2}))),
        "node1 has no quorum device",
    ),
    (
        broken("node1", links=(Link(0, 2, True), Link(1, 2, False))),
        "cluster link 1 from node1 to node2 is down",
    ),
    (
        broken("node1", links=(Link(0, 2, True),)),
        "cluster link 1 from node1 to node2 does not exist",
    ),
    (with_kernel("node2", {}), "the replicated disk is not up on node2"),
    (
        with_disk("node2", connection="StandAlone"),
        "replication on node2 is StandAlone, not Connected",
    ),
    (
        with_disk("node2", disk="Inconsistent"),
        "the replicated disk on node2 is Inconsistent, not UpToDate",
    ),
    (
        with_disk("node2", peer_disk="Outdated"),
        "node2 takes its peer's replicated disk for Outdated, not UpToDate",
    ),
    (
        with_disk("node2", connection="WFConnection", disk="Consistent"),
        "node2 waits for node1, which may have newer data",
    ),
    (
        with_disk("node2", connection="WFConnection", disk="Outdated"),
        "node2 waits for node1, which has newer data",
    ),
    (with_disk("node2", out_of_sync=8), "8 KiB are out of sync on node2"),
    (
        with_disk("node2", role="Primary"),
        "more than one node is DRBD Primary: node1, node2",
    ),
    (with_disk("node1", role="Secondary"), "no node is DRBD Primary"),
    (
        broken("node2", mounts=node_of(HEALTHY, "node1").mounts),
        "more than one node has /srv/data mounted: node1, node2",
    ),
    (broken("node1", mounts={}), "no node has /srv/data mounted"),
    (
        broken("node2", addresses=frozenset({ADDRESS})),
        "more than one node holds the service address 10.30.0.100: node1, node2",
    ),
    (broken("node1", addresses=frozenset()), "no node holds the service address 10.30.0.100"),
    (with_slots("node2"), "node2 cannot read the fencing disk"),
    (
        with_slots("node1", node1="clear", node2="reset"),
        "node1 reads 'reset' for node2 on the fencing disk",
    ),
    (seen_by_cluster(fencing_enabled=False), "fencing is switched off (stonith-enabled=false)"),
    (seen_by_cluster(maintenance=True), "the cluster is in maintenance mode"),
    (
        seen_by_cluster(bans=(Ban(f"{cable.RULE}-rule", "service", "node2"),)),
        "node2 has no cable into the service network",
    ),
    (
        seen_by_cluster(instances=tuple(i for i in INSTANCES if i.id != cable.PRIMITIVE)),
        "resource service-cable is not started on node1",
    ),
    (seen_by_cluster(dc=None), "the cluster has not elected a coordinator"),
    (
        seen_by_cluster(fail_counts=(FailCount("web", "node1", "3", "3"),)),
        "resource web has failed 3 times on node1",
    ),
    (
        seen_by_cluster(fence_events=(FenceEvent("node2", "reboot", "pending", None),)),
        "fencing of node2 is under way",
    ),
    (
        seen_by_cluster(
            seen=situation("unclean"),
            fence_events=(FenceEvent("node2", "reboot", "failed", "t"),),
        ),
        "the last fencing of node2 failed",
    ),
    (
        seen_by_cluster(
            members=(
                Member("node1", True, False, False, False, maintenance=True),
                Member("node2", True, False, False, False, maintenance=False),
            )
        ),
        "node1 is in maintenance mode",
    ),
    (situation("standby"), "node2 is in standby"),
    (situation("unclean"), "node2 is unclean: the cluster has lost it and has to fence it"),
    (situation("failed_web"), "resource web on node1 has failed"),
    (
        situation("failed_web"),
        "operation web_monitor_10000 failed on node1: Not running: Simulated action result",
    ),
    (situation("banned"), "no node has resource drbd promoted"),
    (situation("banned"), "resource address is not started"),
    (
        situation("banned"),
        "constraint drbd-fence-by-handler-r0-rule-replication keeps replication from node1",
    ),
]


@pytest.mark.parametrize(("seen", "reason"), STORIES, ids=[story[1] for story in STORIES])
def test_a_broken_lab_says_so(seen: Seen, reason: str) -> None:
    assert reason in sentences(seen)


def test_a_failed_fencing_that_was_made_good_is_forgotten() -> None:
    events = (
        FenceEvent("node2", "reboot", "success", "later"),
        FenceEvent("node2", "reboot", "failed", "earlier"),
    )
    assert judge(PARTS, seen_by_cluster(fence_events=events)) == ()


def test_nodes_that_follow_different_coordinators_disagree() -> None:
    split = broken("node2", cluster=view_of(HEALTHY).replace(dc="node1"))
    assert (
        "the nodes do not agree on who coordinates the cluster: node1 says node2, node2 says node1"
        in sentences(split)
    )


def test_a_resource_away_from_the_promoted_node() -> None:
    moved = tuple(
        found.replace(node="node2") if found.id == "address" else found for found in INSTANCES
    )
    reasons = sentences(seen_by_cluster(instances=moved))
    assert reasons == ("resource address runs on node2, not where drbd is promoted",)


def test_the_quorate_partition_speaks_for_the_cluster() -> None:
    lost = view_of(situation("unclean"))
    # node1 lost its partner and its quorum; node2 goes on.
    split = broken("node1", cluster=lost.replace(quorate=False))
    assert split.speaker is split.nodes["node2"]


def test_nobody_is_unclean_before_there_is_a_coordinator() -> None:
    lost = view_of(situation("unclean"))
    early = seen_by_cluster(members=lost.members, dc=None)
    assert early.state("node2") is NodeState.OFFLINE


def test_status_words_what_was_read() -> None:
    status = describe(PARTS, HEALTHY, None)
    assert status.healthy and status.reasons == ()
    assert status.service("web").nodes == ("node1",)
    assert [(node.name, node.state) for node in status.nodes] == [
        ("node1", NodeState.ONLINE),
        ("node2", NodeState.ONLINE),
        ("monitor", NodeState.ONLINE),
    ]
    assert [(found.address, found.node) for found in status.addresses] == [(ADDRESS, "node1")]
    assert len(status.links) == 4
    assert LabStatus.model_validate_json(status.model_dump_json()) == status


def test_status_of_a_lab_that_cannot_be_reached_at_all() -> None:
    status = describe(PARTS, Seen({"node1": None, "node2": None}, None), None)
    assert not status.healthy
    assert status.quorum is None and status.service("web").nodes == ()
    assert {node.state for node in status.nodes} == {NodeState.UNREACHABLE}
    assert status.summary() == "node1 does not answer over ssh (and 5 more)"

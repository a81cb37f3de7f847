"""Every rule of health speaks when it is broken, names host and thing, and is silent otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parts.addresses import cable
from status.collect import describe
from status.corosync import Link, QuorumView
from status.model import LabStatus, NodeState, QdeviceState, ReplicationStatus
from status.pacemaker import Ban, FailCount, FenceEvent, Member, parse_cluster
from status.reading import MonitorReading, NodeReading
from status.rules import Readings, judge
from status.system import Room, Slot
from tests.unit.healthy_lab import ADDRESS, FIXTURES, HEALTHY, INVENTORY, NODE_UNITS, ROOM


def broken(node: str, **changes: object) -> Readings:
    """Return the healthy lab with one node's reading changed."""
    reading = HEALTHY.nodes[node]
    assert reading is not None
    return replace(HEALTHY, nodes={**HEALTHY.nodes, node: replace(reading, **changes)})  # type: ignore[arg-type]


def seen_by_cluster(**changes: object) -> Readings:
    """Return the healthy lab with both nodes' view of the cluster changed."""
    nodes: dict[str, NodeReading | None] = {}
    for name, reading in HEALTHY.reached.items():
        assert reading.cluster is not None
        nodes[name] = replace(reading, cluster=replace(reading.cluster, **changes))  # type: ignore[arg-type]
    return replace(HEALTHY, nodes=nodes)


SPEAKER = HEALTHY.cluster
INSTANCES = SPEAKER.instances if SPEAKER else ()


def disk(**changes: object) -> ReplicationStatus:
    reading = HEALTHY.nodes["node2"]
    assert reading is not None and reading.replication is not None
    return reading.replication.model_copy(update=changes)


def situation(name: str) -> Readings:
    cluster = parse_cluster((FIXTURES / f"crm_mon-{name}.xml").read_text())
    nodes = {node: replace(found, cluster=cluster) for node, found in HEALTHY.reached.items()}
    return replace(HEALTHY, nodes=nodes)


def sentences(readings: Readings) -> tuple[str, ...]:
    """Return what keeps the lab from being healthy."""
    return tuple(reason.sentence for reason in judge(INVENTORY, readings) if not reason.past)


def test_a_healthy_lab_has_no_reasons() -> None:
    assert judge(INVENTORY, HEALTHY) == ()


@pytest.mark.parametrize("connection", ["Connected", "SyncTarget"])
def test_who_is_in_touch_with_the_newer_data_waits_for_nobody(connection: str) -> None:
    readings = broken("node2", replication=disk(connection=connection, disk="Outdated"))
    assert not [r for r in judge(INVENTORY, readings) if "waits for" in str(r)]


def test_good_data_wait_for_nobody() -> None:
    alone = disk(connection="WFConnection", disk="UpToDate", peer_disk="DUnknown")
    reasons = judge(INVENTORY, broken("node2", replication=alone))
    assert not [r for r in reasons if "waits for" in str(r)]


@pytest.mark.parametrize(
    "room",
    [None, Room(free_mib=9000, blocks_percent=4, inodes_percent=50)],
    ids=["not told", "small part of a large disk"],
)
def test_a_root_filesystem_with_room_is_no_reason(room: Room | None) -> None:
    assert judge(INVENTORY, broken("node2", room=room)) == ()


STORIES = [
    (replace(HEALTHY, monitor=None), "monitor does not answer over ssh"),
    (
        replace(HEALTHY, monitor=MonitorReading("b", {"corosync-qnetd": "failed"}, "200", ROOM)),
        "service corosync-qnetd on monitor is failed",
    ),
    (
        replace(HEALTHY, monitor=MonitorReading("b", {"corosync-qnetd": "active"}, "000", ROOM)),
        "http://10.30.0.100/ does not answer monitor",
    ),
    (
        replace(HEALTHY, nodes={**HEALTHY.nodes, "node2": None}),
        "node2 does not answer over ssh",
    ),
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
        replace(
            HEALTHY,
            monitor=replace(HEALTHY.monitor, room=Room(300, 7.3, 80)) if HEALTHY.monitor else None,
        ),
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
        broken("node1", links=(Link(0, 2, True), Link(1, 2, False))),
        "cluster link 1 from node1 to node2 is down",
    ),
    (
        broken("node1", links=(Link(0, 2, True),)),
        "cluster link 1 from node1 to node2 does not exist",
    ),
    (broken("node2", replication=None), "the replicated disk is not up on node2"),
    (
        broken("node2", replication=disk(connection="StandAlone")),
        "replication on node2 is StandAlone, not Connected",
    ),
    (
        broken("node2", replication=disk(disk="Inconsistent")),
        "the replicated disk on node2 is Inconsistent, not UpToDate",
    ),
    (
        broken("node2", replication=disk(peer_disk="Outdated")),
        "node2 takes its peer's replicated disk for Outdated, not UpToDate",
    ),
    (
        broken("node2", replication=disk(connection="WFConnection", disk="Consistent")),
        "node2 waits for node1, which may have newer data",
    ),
    (
        broken("node2", replication=disk(connection="WFConnection", disk="Outdated")),
        "node2 waits for node1, which has newer data",
    ),
    (broken("node2", replication=disk(out_of_sync=8)), "8 KiB are out of sync on node2"),
    (
        broken("node2", replication=disk(role="Primary")),
        "more than one node is DRBD Primary: node1, node2",
    ),
    (broken("node1", replication=disk(role="Secondary")), "no node is DRBD Primary"),
    (broken("node2", mounted=True), "more than one node has /srv/data mounted: node1, node2"),
    (broken("node1", mounted=False), "no node has /srv/data mounted"),
    (
        broken("node2", addresses=frozenset({ADDRESS})),
        "more than one node holds the service address 10.30.0.100: node1, node2",
    ),
    (broken("node1", addresses=frozenset()), "no node holds the service address 10.30.0.100"),
    (broken("node2", slots=()), "node2 cannot read the fencing disk"),
    (
        broken("node1", slots=(Slot("node1", "clear"), Slot("node2", "reset"))),
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
        replace(
            situation("unclean"),
            nodes={
                name: replace(
                    reading,
                    cluster=replace(
                        reading.cluster,
                        fence_events=(FenceEvent("node2", "reboot", "failed", "t"),),
                    ),
                )
                for name, reading in situation("unclean").reached.items()
                if reading.cluster
            },
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


@pytest.mark.parametrize(("readings", "reason"), STORIES, ids=[story[1] for story in STORIES])
def test_a_broken_lab_says_so(readings: Readings, reason: str) -> None:
    assert reason in sentences(readings)


def test_a_failed_fencing_that_was_made_good_is_forgotten() -> None:
    events = (
        FenceEvent("node2", "reboot", "success", "later"),
        FenceEvent("node2", "reboot", "failed", "earlier"),
    )
    assert judge(INVENTORY, seen_by_cluster(fence_events=events)) == ()


def test_nodes_that_follow_different_coordinators_disagree() -> None:
    reading = HEALTHY.nodes["node2"]
    assert reading is not None and reading.cluster is not None
    split = broken("node2", cluster=replace(reading.cluster, dc="node1"))
    assert (
        "the nodes do not agree on who coordinates the cluster: node1 says node2, node2 says node1"
        in sentences(split)
    )


def test_a_resource_away_from_the_promoted_node() -> None:
    cluster = parse_cluster((FIXTURES / "crm_mon-healthy.xml").read_text())
    assert cluster is not None
    moved = tuple(
        replace(found, node="node2") if found.id == "address" else found
        for found in cluster.instances
    )
    reasons = sentences(seen_by_cluster(instances=moved))
    assert reasons == ("resource address runs on node2, not where drbd is promoted",)


def test_the_quorate_partition_speaks_for_the_cluster() -> None:
    lost = parse_cluster((FIXTURES / "crm_mon-unclean.xml").read_text())
    assert lost is not None
    # node1 lost its partner and its quorum; node2 goes on.
    split = broken("node1", cluster=replace(lost, quorate=False))
    assert split.speaker is split.nodes["node2"]


def test_nobody_is_unclean_before_there_is_a_coordinator() -> None:
    lost = situation("unclean").cluster
    assert lost is not None
    early = seen_by_cluster(members=lost.members, dc=None)
    assert early.state("node2") is NodeState.OFFLINE


def test_status_words_what_was_read() -> None:
    status = describe(INVENTORY, HEALTHY, None)
    assert status.healthy and status.reasons == ()
    assert status.active == "node1"
    assert [(node.name, node.state) for node in status.nodes] == [
        ("node1", NodeState.ONLINE),
        ("node2", NodeState.ONLINE),
        ("monitor", NodeState.ONLINE),
    ]
    assert [(found.address, found.node) for found in status.addresses] == [(ADDRESS, "node1")]
    assert len(status.links) == 4
    assert LabStatus.model_validate_json(status.model_dump_json()) == status


def test_status_of_a_lab_that_cannot_be_reached_at_all() -> None:
    status = describe(INVENTORY, Readings({"node1": None, "node2": None}, None), None)
    assert not status.healthy
    assert status.quorum is None and status.active is None
    assert {node.state for node in status.nodes} == {NodeState.UNREACHABLE}
    assert status.summary() == "node1 does not answer over ssh (and 5 more)"

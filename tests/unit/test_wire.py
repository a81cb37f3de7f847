"""The texts of crm_mon, corosync's tools, /proc/drbd, ip and sbd are read as they are meant."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from wire.corosync import Link, QdeviceState, parse_links, parse_quorum
from wire.drbd import Device, parse_devices
from wire.pacemaker import ClusterView, ResourceState, Role, parse_cluster
from wire.sbd import Slot, parse_slots
from wire.system import parse_addresses, parse_mounts, parse_room, parse_units

FIXTURES = Path(__file__).parent / "fixtures" / "status"


def text(name: str) -> str:
    return (FIXTURES / name).read_text()


def cluster(situation: str) -> ClusterView:
    view = parse_cluster(text(f"crm_mon-{situation}.xml"))
    assert view is not None
    return view


def test_a_healthy_cluster() -> None:
    view = cluster("healthy")
    assert view.dc == "node2"
    assert view.quorate and view.fencing_enabled and not view.maintenance
    assert [(member.name, member.online) for member in view.members] == [
        ("node1", True),
        ("node2", True),
    ]
    assert view.running("drbd", Role.PROMOTED) == ("node1",)
    assert view.running("drbd", Role.UNPROMOTED) == ("node2",)
    assert view.running("address") == ("node1",)
    assert view.running("fencing") == ("node1", "node2")
    assert {instance.state for instance in view.instances} == {ResourceState.RUNNING}
    assert not (view.bans or view.failures or view.fail_counts or view.fence_events)


def test_a_resource_that_failed_a_monitor() -> None:
    view = cluster("failed_web")
    [web] = [instance for instance in view.instances if instance.id == "web"]
    assert web.state is ResourceState.FAILED
    [failure] = view.failures
    assert failure.operation == "web_monitor_10000"
    assert failure.reason == "Not running: Simulated action result"
    [count] = view.fail_counts
    assert (count.resource, count.node, count.count) == ("web", "node1", "1")


def test_a_node_that_was_lost_is_unclean() -> None:
    lost = cluster("unclean").member("node2")
    assert lost is not None
    assert lost.unclean and not lost.online


def test_a_node_in_standby_leaves_stopped_instances() -> None:
    view = cluster("standby")
    member = view.member("node2")
    assert member is not None and member.standby and member.online
    stopped = [found for found in view.instances if found.role is Role.STOPPED]
    assert [(found.id, found.node, found.state) for found in stopped] == [
        ("drbd", None, ResourceState.STOPPED),
        ("fencing", None, ResourceState.STOPPED),
        ("service-cable", None, ResourceState.STOPPED),
    ]


def test_standby_because_of_a_failure_is_standby() -> None:
    healthy = text("crm_mon-healthy.xml")
    view = parse_cluster(healthy.replace('standby_onfail="false"', 'standby_onfail="true"', 1))
    assert view is not None
    assert [member.standby for member in view.members] == [True, False]


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({}, ResourceState.RUNNING),
        ({"active": False}, ResourceState.STOPPED),
        ({"pending": True}, ResourceState.PENDING),
        ({"pending": True, "managed": False}, ResourceState.UNMANAGED),
        ({"failed": True, "managed": False}, ResourceState.FAILED),
        ({"failed": True, "blocked": True}, ResourceState.BLOCKED),
        ({"blocked": True, "orphaned": True}, ResourceState.ORPHANED),
    ],
)
def test_the_gravest_word_about_an_instance_counts(
    flags: dict[str, bool], state: ResourceState
) -> None:
    [web] = [found for found in cluster("healthy").instances if found.id == "web"]
    assert web.replace(**flags).state is state


def test_a_node_rests_in_maintenance() -> None:
    view = cluster("healthy")
    one, other = view.members
    resting = view.replace(members=(one.replace(maintenance=True), other))
    assert [resting.rests(node) for node in ("node1", "node2", None)] == [True, False, False]
    assert cluster("maintenance").rests(None)


def test_the_fence_handlers_constraint_is_a_ban() -> None:
    bans = cluster("banned").bans
    assert [(ban.resource, ban.node) for ban in bans] == [("replication", "node1")]
    assert bans[0].id.startswith("drbd-fence-by-handler")


def test_switched_off_fencing_and_maintenance() -> None:
    view = cluster("maintenance")
    assert view.maintenance and not view.fencing_enabled
    assert ResourceState.UNMANAGED in {instance.state for instance in view.instances}


def test_fencing_history_newest_first() -> None:
    events = cluster("fenced").fence_events
    assert [(event.target, event.status) for event in events] == [
        ("node1", "pending"),
        ("node2", "success"),
        ("node2", "failed"),
    ]
    assert events[0].completed is None
    assert cluster("fenced").latest_fencing == events[:2]


def test_pacemaker_that_does_not_answer_has_no_view() -> None:
    assert parse_cluster(text("crm_mon-not_connected.xml")) is None
    assert parse_cluster("") is None


def test_votes() -> None:
    quorum = parse_quorum(text("quorumtool-healthy.txt"))
    assert quorum is not None
    assert quorum.quorate
    assert (quorum.votes, quorum.expected) == (3, 3)
    assert quorum.qdevice is QdeviceState.VOTING
    assert quorum.members == {1, 2}


def test_a_quorum_device_that_lost_its_server_is_silent() -> None:
    quorum = parse_quorum(text("quorumtool-qnetd_lost.txt"))
    assert quorum is not None
    assert quorum.quorate
    assert (quorum.votes, quorum.expected) == (2, 3)
    assert quorum.qdevice is QdeviceState.SILENT


def test_a_node_alone_without_quorum_device() -> None:
    quorum = parse_quorum(text("quorumtool-alone.txt"))
    assert quorum is not None
    assert not quorum.quorate
    assert quorum.qdevice is QdeviceState.ABSENT
    assert quorum.members == {1}


def test_three_nodes_that_need_no_quorum_device() -> None:
    quorum = parse_quorum(text("quorumtool-majority.txt"))
    assert quorum is not None
    assert quorum.quorate
    assert (quorum.votes, quorum.expected) == (3, 3)
    assert quorum.qdevice is None
    assert quorum.members == {1, 2, 3}


def test_corosync_that_does_not_answer() -> None:
    assert parse_quorum("Cannot initialize QUORUM service\n") is None
    assert parse_links("Could not initialize corosync configuration API error 2\n") == ()


def test_links() -> None:
    assert parse_links(text("cfgtool-healthy.txt")) == (Link(0, 2, True), Link(1, 2, True))
    assert parse_links(text("cfgtool-link1_down.txt")) == (Link(0, 2, True), Link(1, 2, False))


def test_replication() -> None:
    assert parse_devices(text("drbd-healthy.txt")) == {
        0: Device("Connected", "Primary", "UpToDate", "UpToDate", 0)
    }
    assert parse_devices(text("drbd-resync.txt")) == {
        0: Device("SyncTarget", "Secondary", "Inconsistent", "UpToDate", 190464)
    }


def test_replication_that_is_not_up() -> None:
    assert parse_devices(text("drbd-down.txt")) == {0: Device("Unconfigured")}
    assert not Device("Unconfigured").is_configured
    assert parse_devices("version: 8.4.11 (api:1/proto:86-101)\n") == parse_devices("") == {}


def test_replication_of_several_disks() -> None:
    assert parse_devices(text("drbd-several.txt")) == {
        0: Device("Connected", "Primary", "UpToDate", "UpToDate", 0),
        1: Device("SyncTarget", "Secondary", "Inconsistent", "UpToDate", 190464),
        2: Device("Unconfigured"),
        10: Device("WFConnection", "Secondary", "Consistent", "DUnknown", 0),
    }


def test_addresses() -> None:
    found = parse_addresses(text("ip-active.txt"))
    assert IPv4Address("10.30.0.100") in found
    assert IPv4Address("10.30.0.255") not in found


def test_mounts() -> None:
    mounts = parse_mounts("/dev/vda / ext4 rw 0 0\n/dev/drbd0 /srv/data ext4 rw,noatime 0 0\n")
    assert mounts == {"/": "/dev/vda", "/srv/data": "/dev/drbd0"}


def test_room_on_the_root_filesystem() -> None:
    room = parse_room("641024 4096 1023487 61440 262144\n")
    assert room is not None
    assert (round(room.free_mib), round(room.blocks_percent)) == (2504, 63)
    assert round(room.inodes_percent) == 23
    # btrfs makes inodes as it needs them.
    unlimited = parse_room("641024 4096 1023487 0 0\n")
    assert unlimited is not None and unlimited.inodes_percent == 100
    assert parse_room("") is None


def test_units() -> None:
    assert parse_units("active\nfailed\n", ("a", "b")) == {"a": "active", "b": "failed"}
    assert parse_units("", ("a", "b")) == {}


def test_slots_of_the_fencing_disk() -> None:
    assert parse_slots(text("sbd-healthy.txt")) == (Slot("node2", "clear"), Slot("node1", "clear"))
    assert Slot("node2", "reset") in parse_slots(text("sbd-reset.txt"))

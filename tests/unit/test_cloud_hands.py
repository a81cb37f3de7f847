"""Hands on machines in AWS: power, disks, and what AWS says happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.errors import HalabError
from core.wait import wait_until
from drills import cloud_power, hands
from drills.cloud_power import CloudPower
from drills.hands import ALL, IN_A_CLOUD, hands_of, within_reach
from drills.power import Power
from infra import aws_machines
from infra.aws_machines import AwsMachines
from infra.aws_tags import tags_of
from infra.planning import sketch
from inventory.record import CloudRecord
from labs.roles import NetworkRole
from tests.unit.aws_labs import aws_lab
from tests.unit.planned_lab import planned

MINE, THEIRS = "my mark", "another mark"


class PaperRegion:
    """Instances and volumes of two labs of one name; AWS takes one look longer for what it does."""

    def __init__(self) -> None:
        self.region, self.asked = "us-east-1", [("", "")]
        self.started = datetime(2026, 1, 1, tzinfo=UTC)
        self.instances = [
            self._instance("i-1", "node1", MINE),
            self._instance("i-2", "node2", MINE),
            self._instance("i-0", "node1", MINE, state="terminated"),
            self._instance("i-9", "node1", THEIRS),
        ]
        self.leaving = 0
        """After so many looks at volumes the first one is out of its machine."""
        self.volumes = [
            self._volume("vol-1", "node1-data", MINE, "i-1"),
            self._volume("vol-s", "disk", MINE, "i-1", "i-2"),
        ]

    def _instance(self, id_: str, name: str, mark: str, state: str = "running") -> dict[str, Any]:
        known = {"InstanceId": id_, "LaunchTime": self.started}
        return {**known, "State": {"Name": state}, "Tags": _listed(name, mark)}

    def _volume(self, id_: str, name: str, mark: str, *instances: str) -> dict[str, Any]:
        attached = [
            {"VolumeId": id_, "InstanceId": each, "State": "attached", "Device": "/dev/sdf"}
            for each in instances
        ]
        return {"VolumeId": id_, "Tags": _listed(name, mark), "Attachments": attached}

    def ask(self, service: str, operation: str, **words: Any) -> Mapping[str, Any]:
        self.asked.append((operation, str(words)))
        for each in self.instances:
            if each["InstanceId"] in words.get("InstanceIds", ()):
                going = {"stop_instances": "stopping", "start_instances": "pending"}
                each["State"] = {"Name": going[operation]}
                if operation == "start_instances":
                    each["LaunchTime"] = datetime(2026, 1, 2, tzinfo=UTC)
        return {}

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        (one,) = words["Filters"]
        assert one["Name"] == "tag:halab-mark"
        things = self.instances if operation == "describe_instances" else self.volumes
        found = [
            each
            for each in things
            if {"Key": "halab-mark", "Value": one["Values"][0]} in each["Tags"]
        ]
        told = [deepcopy(each) for each in found]
        if things is self.volumes and self.leaving:
            self.leaving -= 1
            if not self.leaving:
                self.volumes[0]["Attachments"].clear()
        for each in found:
            ends = {"stopping": "stopped", "pending": "running"}
            if "State" in each:
                each["State"] = {"Name": ends.get(each["State"]["Name"], each["State"]["Name"])}
        return iter(told)

    def state(self, id_: str) -> str:
        (found,) = (each for each in self.instances if each["InstanceId"] == id_)
        return str(found["State"]["Name"])


def _listed(name: str, mark: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags_of("demo", mark, name).items()]


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> PaperRegion:
    monkeypatch.setattr(aws_machines, "INTERVAL_S", 0.0)
    monkeypatch.setattr(cloud_power, "LOOK_S", 0.01)
    return PaperRegion()


@pytest.fixture
def power(region: PaperRegion) -> CloudPower:
    return CloudPower(AwsMachines(region, "demo", MINE))


def test_the_power_is_cut_without_asking_the_system(power: CloudPower, region: PaperRegion) -> None:
    power.cut("node1")

    operation, words = region.asked[-1]
    assert operation == "stop_instances"
    assert words == str({"InstanceIds": ["i-1"], "Force": True, "SkipOsShutdown": True})
    # Somebody else's lab of the same name is in the same account.
    assert region.state("i-9") == "running"


def test_a_machine_that_is_being_stopped_is_started_once_it_is_off(
    power: CloudPower, region: PaperRegion
) -> None:
    power.cut("node1")

    power.start("node1")

    assert [operation for operation, _ in region.asked[1:]] == ["stop_instances", "start_instances"]
    assert power.is_on("node1")
    assert region.state("i-1") == "running"


def test_who_runs_is_not_started_again(power: CloudPower, region: PaperRegion) -> None:
    power.start("node2")
    assert region.asked == [("", "")]


def test_a_machine_that_is_not_there_is_named(power: CloudPower) -> None:
    with pytest.raises(HalabError, match="no instance halab-demo-node3 that is this lab's"):
        power.cut("node3")


def test_a_disk_comes_back_where_it_was(power: CloudPower, region: PaperRegion) -> None:
    described = power.disk("node1", "data")
    assert described is not None

    power.pull_disk("node1", described)
    assert region.asked[-1] == (
        "detach_volume",
        str({"VolumeId": "vol-1", "InstanceId": "i-1", "Force": True}),
    )
    # AWS takes a while, in which nobody has it and it cannot be put anywhere.
    (attachment,) = region.volumes[0]["Attachments"]
    attachment["State"] = "detaching"
    assert power.disk("node1", "data") is None
    region.leaving = 2
    power.plug_disk("node1", described)
    assert region.leaving == 0

    put = {"VolumeId": "vol-1", "InstanceId": "i-1", "Device": "/dev/sdf"}
    assert region.asked[-1] == ("attach_volume", str(put))


def test_a_shared_disk_is_known_at_each_machine_that_has_it(power: CloudPower) -> None:
    assert power.disk("node2", "disk") == power.disk("node1", "disk")
    assert power.disk("node2", "disk") is not None


def test_what_aws_cannot_do_is_refused_and_the_catalogue_named(power: CloudPower) -> None:
    impossible: tuple[Callable[[], None], ...] = (
        lambda: power.reset("node1"),
        lambda: power.suspend("node1"),
        lambda: power.resume("node1"),
        lambda: power.limit_writes("node1", "data", 4),
        lambda: power.set_cable("node1", NetworkRole.CLUSTER_A, plugged=False),
    )
    for each in impossible:
        with pytest.raises(HalabError, match="AWS cannot do that") as refused:
            each()
        assert "./halab drills" in str(refused.value.hint)


class TestWitness:
    def test_it_sees_a_machine_end_and_come_back(self, power: CloudPower, tmp_path: Path) -> None:
        began = time.time()
        with power.watched(tmp_path / "seen" / "log") as watch:
            power.cut("node1")
            wait_until(
                watch.events,
                lambda seen: bool(seen) and seen[-1].detail == "Stopped",
                what="the end",
                timeout=10,
                interval=0.01,
            )
            power.start("node1")
            seen = wait_until(
                watch.events,
                lambda seen: seen[-1].detail == "Running",
                what="the start",
                timeout=10,
                interval=0.01,
            )

        assert {event.machine for event in seen} == {"node1"}
        assert [event.detail for event in seen if event.is_reset] == ["Stopped"]
        assert all(began <= event.at <= time.time() for event in seen)

    def test_who_was_stopped_and_started_between_two_looks_was_off(self, tmp_path: Path) -> None:
        watch = cloud_power.CloudWatch(tmp_path / "log")

        watch.note(5.0, {"node1": ("running", 1.0)}, {"node1": ("running", 4.0)})

        (event,) = watch.events()
        assert (event.machine, event.at, event.is_reset) == ("node1", 5.0, True)

    def test_nothing_is_written_where_nothing_happened(self, tmp_path: Path) -> None:
        (tmp_path / "log").touch()
        watch = cloud_power.CloudWatch(tmp_path / "log")
        watch.note(5.0, {"node1": ("running", 1.0)}, {"node1": ("running", 1.0)})
        assert watch.events() == ()


def test_hands_are_those_of_the_platform(
    region: PaperRegion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands, "use_extras", lambda _: None)
    monkeypatch.setattr(hands, "Account", lambda *_: region)
    record = CloudRecord(source="demo", region="us-east-1", mark=MINE, machines=("node1",))

    assert isinstance(hands_of(record, "demo"), CloudPower)
    assert set(hands.HANDS) == {"libvirt", "aws"}
    assert within_reach(planned("active-passive", accelerated=True)) == ALL
    assert within_reach(sketch(aws_lab())) == IN_A_CLOUD


def test_everything_that_drills_may_ask_for_is_on_both_platforms() -> None:
    asked = {name for name in vars(hands.Hands) if not name.startswith("_")}
    assert asked <= set(dir(Power)) & set(dir(CloudPower))

"""A disk that all nodes share: made once, given to one node at a time, told when it is in two."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from core.errors import CommandError
from drills.catalogue import catalogue, find
from drills.faults.base import Scene
from drills.faults.shared import SAID, forced_activation
from drills.judge import judge
from drills.power import Power
from drills.result import Answer
from drills.takeover import takeover
from drills.timeline import Line
from labs.changes import compare
from labs.checking import check
from labs.effects import Effect
from labs.model import Lab
from parts.budget import budget
from parts.seen import Seen
from parts.storage import shared, volumes
from parts.storage.shared import SharedDisk
from provisioning.steps import run_steps
from status.collect import describe
from status.problems import Alarm
from tests.unit.broken_lab import broken, node_of, seen_as, sentences, the_reason
from tests.unit.collected import healthy_tools, load_collector
from tests.unit.composed_labs import DISKS, FOUR, SHARING
from tests.unit.healthy_lab import healthy, volumes_text
from tests.unit.provisioned_lab import fresh, inventory, plan_of, right, this_machine, words
from tests.unit.sample_findings import FENCED, FLAWLESS
from tests.unit.situations import expected
from tests.unit.sketched import DISK, STORY

HEALTHY = healthy(DISK)
PART = DISK.shared_disks["data"]
GROUP, MAPPED = "halab_data", "halab_data-data"


def lab(**tables: object) -> Lab:
    return check("my.toml", {"version": 1, "name": "demo", **tables}, Lab)


def sharing(size_mib: int) -> Lab:
    storage = {"data": {"kind": "shared-disk", "size_mib": size_mib}}
    return lab(services={"web": {"kind": "nginx", "storage": "data"}}, storage=storage)


class TestDefinition:
    def test_any_number_of_nodes_may_share_a_disk(self) -> None:
        found = lab(nodes=FOUR, services=SHARING, storage=DISKS)
        assert [each.size_mib for each in found.storage] == [512, 256]

    def test_it_takes_no_port_and_nothing_has_to_be_copied(self) -> None:
        web = {"kind": "nginx", "storage": "data", "port": 7789}
        data = {"kind": "shared-disk", "size_mib": 65536}
        found = lab(services={"web": web}, storage={"data": data})
        assert found.timing(accelerated=True) == lab().timing(accelerated=True)
        ports = {opening.port for opening in DISK.inventory.openings}
        assert 7788 not in ports

    @pytest.mark.parametrize("size_mib", [128, 512])
    def test_it_keeps_its_size(self, size_mib: int) -> None:
        (change,) = compare(sharing(256), sharing(size_mib))
        assert change.effect is Effect.REFUSED
        assert str(change).endswith("a disk that all nodes share keeps its size")


class TestProvisioning:
    def test_the_first_node_makes_it_before_the_cluster_runs_and_once(self) -> None:
        machines = inventory(nodes=FOUR, services=SHARING, storage=DISKS)
        made = "volume group on the shared disk and its filesystem made"
        found = plan_of(machines, fresh(machines))
        told = [words(found.membership(node, frozenset())) for node in machines.nodes]
        assert [each.count(made) for each in told] == [2, 0, 0, 0]
        found = plan_of(machines, right(machines))
        assert made not in words(found.membership(machines.nodes[0], frozenset()))

    def test_a_first_node_that_was_made_anew_leaves_it_to_the_cluster(self) -> None:
        machines = inventory(nodes=FOUR, services=SHARING, storage=DISKS)
        first = machines.nodes[0]
        found = {**right(machines), first.name: fresh(machines)[first.name]}
        steps = words(plan_of(machines, found).membership(first, frozenset()))
        assert not [step for step in steps if "volume group" in step]


STUBS = {
    # What LVM knows stands in files below $STATE, named after groups, volumes and devices.
    "vgs": """
case "$*" in *--foreign*) foreign=yes ;; *) foreign= ;; esac
for group; do :; done
[ -e "$STATE/$group" ] || exit 5
[ "$foreign" ] || [ "$(cat "$STATE/$group")" = node1 ] || exit 5
case "$*" in *vg_systemid*) echo "  $(cat "$STATE/$group")" ;; esac""",
    "pvs": 'for disk; do :; done; [ -e "$STATE/orphan" ] || exit 5; echo "  $disk"',
    "lvs": 'for name; do :; done; [ -e "$STATE/${name##*/}.volume" ]',
    "blkid": 'for disk; do :; done; cat "$STATE/on.${disk##*/}" 2>/dev/null',
    "vgcreate": 'echo node1 >"$STATE/halab_data"',
    "lvcreate": ': >"$STATE/data.volume"',
    "lvchange": ":",
    "mke2fs": 'for device; do :; done; echo TYPE=ext4 >"$STATE/on.${device##*/}"',
    "unshare": "cat >/dev/null",
    "uname": "echo node1",
    "sync": ":",
}


class TestMaking:
    """The program that makes it, with LVM's tools played by others."""

    @pytest.fixture
    def state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        tools, state = tmp_path / "tools", tmp_path / "state"
        tools.mkdir()
        state.mkdir()
        for name, text in STUBS.items():
            stub = tools / name
            stub.write_text(f'#!/bin/sh\necho "{name} $*" >>"$STATE/.log"\n{text}\n')
            stub.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        monkeypatch.setenv("STATE", str(state))
        return state

    def make(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Make it and return which tools changed something, in their order."""
        monkeypatch.setattr(shared, "NOTES", str(state / "notes"))
        (state / ".log").unlink(missing_ok=True)
        part = SharedDisk(DISK.inventory, PART.storage, ":", sync=True)
        machines = fresh(DISK.inventory)
        found = plan_of(DISK.inventory, machines).found
        (step,) = part.prepare_data(DISK.inventory.nodes[0], found, frozenset())
        run_steps(this_machine(), [step], timeout=20)
        assert (state / "notes" / "volume").read_text() == "disk\n"
        changing = {"vgcreate", "lvcreate", "lvchange", "mke2fs", "unshare"}
        log = (state / ".log").read_text().splitlines()
        return [line.split()[0] for line in log if line.split()[0] in changing]

    def test_on_an_empty_disk(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = ["vgcreate", "lvcreate", "lvchange", "mke2fs", "unshare", "lvchange"]
        assert self.make(state, monkeypatch) == whole
        # An interruption before the note: what is there stays.
        assert self.make(state, monkeypatch) == ["lvchange", "lvchange"]

    def test_after_an_interruption_in_the_middle(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (state / "orphan").touch()
        (state / "on.virtio-data").write_text("TYPE=LVM2_member\n")
        assert self.make(state, monkeypatch)[0] == "vgcreate"

    def test_never_on_a_disk_that_holds_something(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (state / "on.virtio-data").write_text("TYPE=xfs\n")
        with pytest.raises(CommandError, match="not empty, it will not be overwritten: TYPE=xfs"):
            self.make(state, monkeypatch)
        assert "vgcreate" not in (state / ".log").read_text()

    def test_what_another_node_owns_is_only_noted(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (state / GROUP).write_text("node2\n")
        (state / "on.virtio-data").write_text("TYPE=LVM2_member\n")
        assert self.make(state, monkeypatch) == []


def reading(node: str, owners: Mapping[str, str], *active: str, seen: Seen = HEALTHY) -> Seen:
    """Return the lab in which a node says this of volume groups."""
    told = {**node_of(seen, node).told, volumes.READING: volumes_text(dict(owners), active)}
    return broken(node, seen=seen, told=told)


class TestStatus:
    def test_it_tells_who_has_it(self) -> None:
        found = describe(DISK, HEALTHY, None).shared_disks["data"]
        assert {name: (each.owner, each.active, each.mounted) for name, each in found.items()} == {
            "node1": ("node1", True, True),
            "node2": ("node1", False, False),
            "node3": ("node1", False, False),
        }
        assert describe(STORY, healthy(STORY), None).shared_disks == {}

    @pytest.mark.parametrize("how", ["active", "mounted"])
    def test_in_use_twice_is_told_before_everything_else(self, how: str) -> None:
        seen = replace(HEALTHY, monitor=None)
        if how == "active":
            seen = reading("node2", {GROUP: "node1"}, MAPPED, seen=seen)
        else:
            seen = broken("node2", seen=seen, mounts={"/srv/data": "/dev/mapper/halab_data-data"})
        first, *others = sentences(seen, DISK)
        assert first == (
            "the shared disk is in use on node1 and node2 at once: "
            "each destroys what the other writes"
        )
        assert others
        reason = the_reason(seen, first, DISK)
        assert reason.remedy is not None
        assert reason.remedy.command == "stonith_admin --reboot node2"
        assert (reason.remedy.machine, bool(reason.remedy.warning)) == ("node1", True)

    def test_no_drill_passes_in_which_it_was_seen(self) -> None:
        question = "Was no shared disk in use on two nodes at once?"
        said = sentences(reading("node2", {GROUP: "node1"}, MAPPED), DISK)
        calm = replace(FLAWLESS, part=DISK.first_service)
        for found, answer in (
            (calm, Answer.PASS),
            (replace(calm, seen=frozenset(said)), Answer.FAIL),
            (FLAWLESS, None),
        ):
            asked = {check.question: check.answer for check in judge(found)}
            assert asked.get(question) is answer

    def test_without_the_cluster_nobody_is_called_an_intruder(self) -> None:
        seen = seen_as(None, seen=reading("node2", {GROUP: "node1"}, MAPPED))
        reason = the_reason(seen, "the shared disk is in use", DISK)
        assert (reason.remedy, reason.grave) == (None, True)

    def test_a_node_that_cannot_read_it(self) -> None:
        assert sentences(reading("node3", {}), DISK) == ("node3 cannot read the shared disk",)
        # Whoever has it keeps it in his kernel; LVM knows nothing any more.
        assert sentences(reading("node1", {}, MAPPED), DISK) == (
            "node1 cannot read the shared disk",
        )

    def test_an_owner_that_does_not_use_it(self) -> None:
        seen = reading("node1", {GROUP: "node2"}, MAPPED)
        reason = the_reason(seen, "volume group", DISK)
        assert reason.sentence == (
            "volume group halab_data is node2's to LVM, and node1 has it active"
        )
        assert reason.remedy is not None
        assert reason.remedy.command == (
            "vgchange --yes --config 'local/extra_system_ids=[\"node2\"]' "
            "--systemid node1 halab_data"
        )

    def test_nobody_has_it(self) -> None:
        seen = reading("node1", {GROUP: "node1"})
        assert "no node has volume group halab_data active" in sentences(seen, DISK)


class TestDrills:
    def test_who_has_the_data_is_fenced_without_its_disk(self) -> None:
        lost = expected(DISK, "shared-disk-lost", "node1")
        killed = expected(DISK, "power-off", "node1")
        assert lost.fenced == lost.rebooted == {"node1"}
        assert lost.outage_s > killed.outage_s == budget(DISK.first_service).total_s
        assert {Alarm.SHARED_DISK_LOST, Alarm.FENCED} <= lost.alarms
        assert not lost.verify

    def test_who_stands_by_without_it_is_complained_of(self) -> None:
        lost = expected(DISK, "shared-disk-lost", "node2")
        assert (lost.fenced, lost.interrupted) == (frozenset(), False)
        assert lost.reasons == ("cannot read the shared disk$",)

    def test_nothing_waits_for_a_copy(self) -> None:
        other = expected(DISK, "power-off", "node2")
        assert other.outage_s < expected(STORY, "power-off", "node2").outage_s
        steps = budget(DISK.first_service)
        assert (steps.promotion_s, steps.start_s) == (0.0, 8.5)

    def test_faults_of_copies_are_not_its_own(self) -> None:
        own = catalogue(DISK).keys() - catalogue(STORY).keys()
        assert own == {"shared-disk-lost", "forced-activation"}
        gone = {"data-disk-lost", "replica-detached", "replication-cut", "split-brain"}
        assert not gone & catalogue(DISK).keys()
        assert find("filesystem-full", DISK).title == "The filesystem on the shared disk is full"

    def test_a_takeover_is_the_start_of_the_volume_group(self) -> None:
        line = "Result of start operation for volume on node2: OK"
        found = replace(
            FLAWLESS,
            part=DISK.first_service,
            journals={"node1": (), "node2": (Line(FENCED + 1, "pacemaker-controld", line),)},
        )
        taken = takeover(found)
        assert taken is not None and (taken.node, taken.at) == ("node2", FENCED + 1)

    @pytest.mark.parametrize(("refused", "proved"), [(True, True), (False, False)])
    def test_what_lvm_answered_proves_that_it_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: bool, proved: bool
    ) -> None:
        device, said = tmp_path / "device", tmp_path / "said"
        answer = (
            "echo 'Cannot access VG halab_data'; exit 5"
            if refused
            else f"echo WARNING; : >{device}"
        )
        lvchange = tmp_path / "lvchange"
        lvchange.write_text(f"#!/bin/sh\n{answer}\n")
        lvchange.chmod(0o755)
        told: list[str] = []

        def run_here(_: object, command: str, **__: object) -> str:
            text = command.replace(SAID, str(said)).replace(PART.device, str(device))
            environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
            done = subprocess.run(
                ["/bin/sh", "-c", text.replace("mount ", "true ")],
                capture_output=True,
                text=True,
                env=environment,
                check=False,
            )
            told.append(done.stdout)
            return done.stdout

        monkeypatch.setattr("drills.faults.base.run_on", run_here)
        fault = forced_activation(PART)
        scene = Scene(DISK.inventory, cast(Power, None), DISK.inventory.nodes[1:2], {})
        fault.inject(scene)
        assert fault.proof is not None
        shown = fault.proof(scene)
        assert bool(shown) == proved
        assert not proved or shown == "LVM refused: Cannot access VG halab_data"


def test_the_monitoring_hears_whether_a_node_has_it(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    collector: ModuleType = load_collector(healthy_tools())
    mounts = "/dev/mapper/halab_data-data /srv/data ext4 rw 0 0\n"
    disks = {"data": [str(disk), "/srv/data"], "rows": [str(disk), "/srv/rows"]}
    assert collector.shared(disks, mounts) == {
        "data": {"attached": 0, "mounted": 1},
        "rows": {"attached": 0, "mounted": 0},
    }
    disk.touch()
    assert collector.shared(disks, "")["data"] == {"attached": 1, "mounted": 0}

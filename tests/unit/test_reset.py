"""Snapshots and resets: memory and disks stay of one instant, wherever a command is killed."""

from __future__ import annotations

import operator
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import CommandError, HalabError
from hypervisor import reset as module
from hypervisor import snapshots
from hypervisor.machines import Machines
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import fits, recover
from hypervisor.snapshots import Shelf, check_label
from machines.remote import Remote
from parts.all import Parts
from status.collect import Observer, describe
from status.model import LabStatus
from tests.unit.healthy_lab import INVENTORY, healthy
from tests.unit.snapshot_scene import (
    NAMES,
    Daemon,
    FakeVirsh,
    Killed,
    Scene,
    make_scene,
)

PARTS = Parts(INVENTORY)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return make_scene(tmp_path, monkeypatch)


def mortal(daemon: Daemon, action: Callable[..., object]) -> Callable[..., object]:
    """Count a change of files as a step at which a command can be killed, as virsh's are."""

    def step(*words: object, **options: object) -> object:
        daemon.step(action.__name__)
        return action(*words, **options)

    return step


def garbled(text: bytes) -> bytes:
    """Return something as long that is neither what it was nor text."""
    return b"\xff" * len(text)


@pytest.fixture
def mortal_scene(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    for owner, name in (
        (Path, "rename"),
        (Path, "replace"),
        (Path, "mkdir"),
        (Path, "unlink"),
        (shutil, "rmtree"),
        (snapshots, "run"),
        (module, "copy"),
    ):
        monkeypatch.setattr(owner, name, mortal(scene.daemon, getattr(owner, name)))
    return scene


def test_a_snapshot_is_taken_while_nothing_moves_and_the_lab_runs_on(scene: Scene) -> None:
    scene.take("calm")
    assert scene.runs()
    assert [call.split()[0] for call in scene.daemon.calls] == [
        *["suspend"] * 3,
        *["snapshot-create-as"] * 3,
        *["resume"] * 3,
        "set",
    ]
    [snapshot] = Shelf(scene.folder).all()
    assert snapshot.label == "calm"
    assert snapshot.disks == tuple(
        sorted(["node1-root.qcow2", "node2-root.qcow2", "monitor-root.qcow2", "sbd.raw"])
    )
    assert fits(snapshot, scene.folder)
    assert scene.left_over() == []


def test_a_restore_brings_memory_and_disks_back(scene: Scene) -> None:
    scene.take("calm")
    scene.daemon.age()
    scene.daemon.calls.clear()
    scene.restore("calm")
    assert scene.runs()
    assert scene.daemon.moments() == {"1"}
    assert [call.split()[0] for call in scene.daemon.calls] == [
        *["destroy"] * 3,
        *["restore"] * 3,
        *["resume"] * 3,
        "set",
    ]
    assert scene.left_over() == []


def test_a_reset_logs_into_each_machine_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login takes an emulated guest as long as what it is for."""
    scene.take("calm")
    used: list[tuple[Remote, ...]] = []

    def wait_healthy(*_: object, observer: Observer, **__: object) -> LabStatus:
        used.append(observer.remotes)
        return describe(PARTS, healthy(PARTS), None)

    monkeypatch.setattr(module, "set_clocks", lambda remotes, _: used.append(remotes))
    monkeypatch.setattr(module, "wait_healthy", wait_healthy)
    module.reset(scene.folder, scene.record, INVENTORY, "calm")

    clocks, health = used
    assert [remote.name for remote in clocks] == [each.name for each in INVENTORY.machines]
    assert all(map(operator.is_, clocks, health))


def test_it_can_be_restored_again_and_others_are_untouched(scene: Scene) -> None:
    scene.take("early")
    scene.daemon.age()
    scene.take("late")
    for label, moment in (("early", "1"), ("late", "2"), ("early", "1")):
        scene.restore(label)
        assert scene.daemon.moments() == {moment}
        scene.daemon.age()
    assert scene.labels() == ["early", "late"]


def test_killed_anywhere_a_snapshot_never_stops_the_lab(mortal_scene: Scene) -> None:
    scene = mortal_scene
    scene.take("old")
    scene.daemon.age()
    for step in range(200):
        scene.daemon.dies_at, scene.daemon.calls = step, []
        try:
            scene.take("old", replace=True)
        except Killed:
            scene.recover()
            assert scene.runs(), scene.daemon.calls
            assert scene.left_over() == [], scene.daemon.calls
            assert scene.labels() == ["old"], scene.daemon.calls
            assert scene.daemon.moments() == {"2"}
        else:
            break
    assert step > 15
    scene.daemon.dies_at = None
    scene.daemon.age()
    scene.restore("old")
    assert scene.daemon.moments() == {"2"}


def test_killed_anywhere_a_restore_is_finished_or_never_began(mortal_scene: Scene) -> None:
    scene = mortal_scene
    scene.take("calm")
    outcomes = set()
    for step in range(200):
        for name in NAMES:
            scene.daemon.memory[name] = "6"
        scene.daemon.age()
        scene.daemon.dies_at, scene.daemon.calls = step, []
        try:
            scene.restore("calm")
        except Killed:
            scene.recover()
            assert scene.runs(), scene.daemon.calls
            assert scene.left_over() == [], scene.daemon.calls
            moments = scene.daemon.moments()
            assert moments in ({"7"}, {"1"}), scene.daemon.calls
            outcomes |= moments
        else:
            break
    assert step > 15
    assert outcomes == {"7", "1"}


def test_killed_twice_it_still_gets_there(mortal_scene: Scene) -> None:
    scene = mortal_scene
    scene.take("calm")
    scene.daemon.age()
    for _ in range(2):
        scene.daemon.dies_at, scene.daemon.calls = 12, []
        with pytest.raises(Killed):
            if Shelf(scene.folder).restoring():
                recover(scene.folder, scene.record, scene.said.append)
            else:
                scene.restore("calm")
    scene.recover()
    assert scene.runs()
    assert scene.daemon.moments() == {"1"}


def test_a_full_disk_costs_nothing_but_the_snapshot(scene: Scene) -> None:
    scene.daemon.full = True
    with pytest.raises(HalabError, match="the lab runs on") as error:
        scene.take("calm")
    assert "No space left" in str(error.value)
    assert scene.runs()
    assert scene.labels() == scene.left_over() == []


def test_interrupted_from_the_keyboard_the_lab_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "copy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        scene.take("calm")
    assert scene.runs()
    assert scene.labels() == scene.left_over() == []


def test_disks_are_copied_before_anything_is_discarded(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.take("calm")
    scene.daemon.age()

    def full(*_: object, **__: object) -> None:
        raise CommandError("cp", status=1, stderr="No space left on device")

    monkeypatch.setattr(snapshots, "run", full)
    with pytest.raises(CommandError):
        scene.restore("calm")
    assert scene.runs()
    assert scene.daemon.moments() == {"2"}
    assert Shelf(scene.folder).restoring() is None


def test_machines_whose_memory_is_unreadable_start_from_the_snapshots_disks(scene: Scene) -> None:
    scene.take("calm")
    scene.daemon.age()
    scene.daemon.unreadable = True
    with pytest.raises(HalabError, match="start from its disks"):
        scene.restore("calm")
    assert scene.runs()
    assert scene.daemon.moments() == {"1"}
    assert Shelf(scene.folder).restoring() is None


def test_an_unknown_label_is_answered_with_those_that_exist(scene: Scene) -> None:
    scene.take("calm")
    scene.take("storm")
    with pytest.raises(HalabError, match=r"no snapshot 'clam' \(snapshots: calm, storm\)"):
        scene.restore("clam")
    assert scene.runs()


def test_a_label_is_not_overwritten_by_chance(scene: Scene) -> None:
    scene.take("calm")
    with pytest.raises(HalabError, match="already") as error:
        scene.take("calm")
    assert error.value.hint is not None
    assert "--replace" in error.value.hint


def test_what_up_has_changed_since_is_not_brought_back(scene: Scene) -> None:
    scene.take("calm")
    os.utime(scene.folder.inventory, ns=(1, 1))
    assert not fits(Shelf(scene.folder).find("calm"), scene.folder)
    with pytest.raises(HalabError, match="before `up` changed"):
        scene.restore("calm")
    assert scene.runs()


def test_a_file_that_lost_its_end_is_noticed_before_anything_is_discarded(scene: Scene) -> None:
    scene.take("calm")
    (scene.folder.snapshots / "calm" / "node2.memory").write_text("")
    with pytest.raises(HalabError, match=r"damaged: node2\.memory"):
        scene.restore("calm")
    assert scene.runs()
    Shelf(scene.folder).remove("calm")
    assert scene.labels() == scene.left_over() == []


def test_a_machine_that_is_off_has_no_memory_to_keep(scene: Scene) -> None:
    scene.daemon.states["node2"] = "shut off"
    with pytest.raises(HalabError, match="do not: node2"):
        scene.take("calm")
    assert scene.daemon.calls == []


def test_a_lab_that_is_off_altogether_is_told_how_to_go_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PrivateHypervisor, "is_running", lambda _: False)
    with pytest.raises(HalabError, match="do not: node1, node2, monitor") as caught:
        scene.take("calm")
    assert caught.value.hint is not None and "`./halab up" in caught.value.hint


def test_tidying_up_does_not_forget_where_a_restore_was_going(scene: Scene) -> None:
    scene.take("calm")
    shelf = Shelf(scene.folder)
    shelf.begin_restoring("calm")
    shelf.tidy()
    assert shelf.restoring() == "calm"


@pytest.mark.parametrize("left", ["nothing", "a restore"])
def test_connections_into_machines_of_before_a_restore_are_not_used_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    scene.take("calm")
    if left == "a restore":
        Shelf(scene.folder).begin_restoring("calm")
    closed: list[Observer] = []
    monkeypatch.setattr(Observer, "close", lambda observer: closed.append(observer))
    observer = Observer(INVENTORY)
    module.take(scene.folder, scene.record, observer, "later", scene.said.append, healthy=True)
    assert (observer in closed) is (left == "a restore")


def test_an_idle_lab_has_nothing_to_recover(scene: Scene) -> None:
    recover(scene.folder, scene.record, scene.said.append)
    scene.take("calm")
    scene.daemon.calls.clear()
    scene.said.clear()
    recover(scene.folder, scene.record, scene.said.append)
    assert scene.daemon.calls == scene.said == []


def test_a_daemon_that_belongs_to_others_is_left_alone(scene: Scene) -> None:
    scene.record = scene.record.model_copy(update={"private": False, "uri": "qemu:///system"})
    for action in (scene.take, scene.restore):
        with pytest.raises(HalabError, match="private hypervisor"):
            action("calm")


@pytest.mark.parametrize("label", ["", ".draft", "a/b", "..", "Über", "-x", "a" * 41])
def test_a_label_is_a_harmless_folder_name(label: str) -> None:
    with pytest.raises(HalabError):
        check_label(label)


def test_a_busy_libvirt_is_asked_again_until_all_machines_go_on(scene: Scene) -> None:
    stubborn = {"node1": 2}

    @dataclass(frozen=True)
    class Busy(FakeVirsh):
        def __call__(self, *words: str, check: bool = True, timeout: float = 60) -> str:
            if words[:2] == ("resume", "node1") and stubborn["node1"]:
                stubborn["node1"] -= 1
                raise CommandError("virsh", status=1, stderr="cannot acquire state change lock")
            return super().__call__(*words, check=check, timeout=timeout)

    machines = Machines(Busy("fake", scene.daemon), scene.record.domains)
    machines.suspend()
    machines.resume()
    assert scene.runs()
    assert scene.daemon.calls.count("domjobabort node1") == 2


@pytest.mark.parametrize("damage", [lambda _: b"", lambda text: text[:20], garbled, None])
def test_a_snapshot_whose_description_is_damaged_is_named_and_can_be_removed(
    scene: Scene, damage: Callable[[bytes], bytes] | None
) -> None:
    scene.take("calm")
    description = scene.folder.snapshots / "calm" / "snapshot.json"
    if damage is None:
        description.unlink()
    else:
        description.write_bytes(damage(description.read_bytes()))
    assert scene.labels() == []
    with pytest.raises(HalabError, match="damaged") as caught:
        scene.restore("calm")
    assert "--remove calm" in str(caught.value)
    Shelf(scene.folder).remove("calm")
    assert scene.left_over() == []
    with pytest.raises(HalabError, match="no snapshot"):
        Shelf(scene.folder).find("calm")


@pytest.mark.parametrize("note", [b"", b"ca\0\0", garbled(b"calm")])
def test_a_damaged_note_of_a_restore_holds_nobody_up(scene: Scene, note: bytes) -> None:
    scene.take("calm")
    (scene.folder.snapshots / ".restoring").write_bytes(note)
    scene.recover()
    assert scene.runs()

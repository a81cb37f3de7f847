"""Snapshots and resets: memory and disks stay of one instant, wherever a command is killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.errors import CommandError, HalabError
from core.folders import LabFolder
from hypervisor import reset as module
from hypervisor import snapshots
from hypervisor.machines import Machines
from hypervisor.objects import Virsh
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import fits, recover, restore, take
from hypervisor.snapshots import Shelf, check_label
from inventory.record import LabRecord, save
from tests.unit.healthy_lab import INVENTORY

NAMES = ("node1", "node2", "monitor")


class Killed(BaseException):
    """kill -9: nothing that halab does afterwards has any effect."""


@dataclass
class Daemon:
    """What libvirt knows: each machine's state and memory; its disks are files in the pool."""

    pool: Path
    states: dict[str, str] = field(default_factory=dict)
    memory: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    full: bool = False
    unreadable: bool = False
    dies_at: int | None = None

    def age(self) -> None:
        """Let time pass: a later instant is in every memory and on every disk."""
        for name in NAMES:
            moment = f"{int(self.memory.get(name, '0')) + 1}"
            self.memory[name] = moment
            self.disk(name).write_text(moment)
        (self.pool / "sbd.raw").write_text(self.memory["node1"])

    def disk(self, name: str) -> Path:
        return self.pool / f"{name}-root.qcow2"

    def moments(self) -> set[str]:
        """Return the instants that memories and disks are of."""
        disks = {path.read_text() for path in self.pool.iterdir()}
        return disks | set(self.memory.values())

    def step(self, what: str) -> None:
        if self.dies_at is not None and len(self.calls) >= self.dies_at:
            raise Killed
        self.calls.append(what)


@dataclass(frozen=True)
class FakeVirsh(Virsh):
    """Does what virsh does, to a daemon that a test can look into."""

    uri: str = "fake"
    daemon: Daemon = field(default_factory=lambda: Daemon(Path()))

    def __call__(self, *words: str, check: bool = True, timeout: float = 60) -> str:
        daemon = self.daemon
        if len(words) == 1 and ";" in words[0]:
            return "".join(self(*line.split()) for line in words[0].split(";"))
        verb, *rest = words[0].split() + list(words[1:])
        if verb == "list":
            return "".join(f" -  {name}  {state}\n" for name, state in daemon.states.items())
        if verb == "domuuid":
            return f"uuid-{rest[0]}\n"
        if verb == "domblklist":
            shared = "" if rest[0] == "monitor" else " vdb   sbd.raw\n"
            return f" vda   {daemon.disk(rest[0]).name}\n{shared}"
        daemon.step(f"{verb} {rest[0]}")
        match verb, daemon.states.get(rest[0]):
            case "suspend", "running":
                daemon.states[rest[0]] = "paused"
            case "resume", "paused":
                daemon.states[rest[0]] = "running"
            case "destroy", "running" | "paused":
                daemon.states[rest[0]] = "shut off"
                daemon.memory[rest[0]] = "lost"
            case "start", "shut off":
                daemon.states[rest[0]] = "running"
                daemon.memory[rest[0]] = daemon.disk(rest[0]).read_text()
            case "snapshot-create-as", "paused":
                if daemon.full:
                    raise CommandError("virsh", status=1, stderr="No space left on device")
                path = next(w for w in rest if w.startswith("file=")).split("=")[1].split(",")[0]
                Path(path).write_text(f"{rest[0]} {daemon.memory[rest[0]]}")
            case "restore", _:
                if daemon.unreadable:
                    raise CommandError("virsh", status=1, stderr="save image is incomplete")
                name, moment = Path(rest[0]).read_text().split()
                assert daemon.states[name] == "shut off"
                daemon.states[name], daemon.memory[name] = "paused", moment
            case "domjobabort", _:
                pass
            case unexpected:
                raise CommandError("virsh", status=1, stderr=f"{unexpected}")
        return ""


@dataclass
class Scene:
    """A lab that runs on a daemon of its own."""

    folder: LabFolder
    record: LabRecord
    daemon: Daemon
    said: list[str] = field(default_factory=list)

    def take(self, label: str, **options: bool) -> None:
        take(self.folder, self.record, INVENTORY, label, self.said.append, healthy=True, **options)

    def restore(self, label: str) -> None:
        restore(self.folder, self.record, INVENTORY, label, self.said.append)

    def recover(self) -> None:
        self.daemon.dies_at = None
        recover(self.folder, self.record, self.said.append)

    def labels(self) -> list[str]:
        return [one.label for one in Shelf(self.folder).all()]

    def left_over(self) -> list[str]:
        """Return what is in the folder of snapshots besides snapshots."""
        return [path.name for path in self.folder.snapshots.glob(".*")]

    def runs(self) -> bool:
        return set(self.daemon.states.values()) == {"running"}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    folder = LabFolder(tmp_path / "lab")
    folder.pool.mkdir(parents=True)
    save(folder.inventory, INVENTORY)
    daemon = Daemon(folder.pool, {name: "running" for name in NAMES})
    daemon.age()
    record = LabRecord(
        source="story",
        uri="fake",
        private=True,
        accelerated=False,
        proxy_command=None,
        mark="6b7a1c1e-2f0d-4d53-9d7e-3c2b6a9f0e11",
        prefix="",
        pool=folder.pool,
        boot={},
        domains={name: name for name in NAMES},
    )
    monkeypatch.setattr(module, "Virsh", lambda uri: FakeVirsh(uri, daemon))
    monkeypatch.setattr(PrivateHypervisor, "is_running", lambda _: True)
    monkeypatch.setattr(module, "set_clocks", lambda *_: daemon.step("set clocks"))
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    replace = Path.replace

    def careful(source: Path, target: Path) -> Path:
        if target.parent == folder.pool:
            assert set(daemon.states.values()) == {"shut off"}, "a machine's disk was exchanged"
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", careful)
    return Scene(folder, record, daemon)


def mortal(daemon: Daemon, action: Callable[..., object]) -> Callable[..., object]:
    """Count a change of files as a step at which a command can be killed, as virsh's are."""

    def step(*words: object, **options: object) -> object:
        daemon.step(action.__name__)
        return action(*words, **options)

    return step


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


def test_tidying_up_does_not_forget_where_a_restore_was_going(scene: Scene) -> None:
    scene.take("calm")
    shelf = Shelf(scene.folder)
    shelf.begin_restoring("calm")
    shelf.tidy()
    assert shelf.restoring() == "calm"


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


@pytest.mark.parametrize("keep", [0, 20, None])
def test_a_snapshot_whose_description_is_cut_off_is_named_and_can_be_removed(
    scene: Scene, keep: int | None
) -> None:
    scene.take("calm")
    description = scene.folder.snapshots / "calm" / "snapshot.json"
    if keep is None:
        description.unlink()
    else:
        description.write_bytes(description.read_bytes()[:keep])
    assert scene.labels() == []
    with pytest.raises(HalabError, match="damaged") as caught:
        scene.restore("calm")
    assert "--remove calm" in str(caught.value)
    Shelf(scene.folder).remove("calm")
    assert scene.left_over() == []
    with pytest.raises(HalabError, match="no snapshot"):
        Shelf(scene.folder).find("calm")


def test_a_note_of_a_restore_that_was_cut_off_holds_nobody_up(scene: Scene) -> None:
    scene.take("calm")
    (scene.folder.snapshots / ".restoring").write_text("")
    scene.recover()
    assert scene.runs()

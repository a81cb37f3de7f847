"""A lab on a daemon of cardboard: memory and disks of which a test can tell the instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.errors import CommandError
from core.folders import LabFolder
from hypervisor import reset as module
from hypervisor.objects import Virsh
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import recover, restore, take
from hypervisor.snapshots import Shelf
from inventory.record import LabRecord, save
from status.collect import Observer
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
        observer = Observer(INVENTORY)
        take(self.folder, self.record, observer, label, self.said.append, healthy=True, **options)

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


def make_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a lab whose machines all run, with halab's hands on its daemon."""
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

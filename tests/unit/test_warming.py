"""A warm start: a lab comes back as it was built, and no key to it from before is of any use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from cli import up as up_module
from cli import warming
from cli.building import Prepared
from cli.progress import Progress
from cli.warming import begin_again, find_kept, keep, start_warm
from core.errors import CommandError, HalabError
from core.files import write_file
from core.folders import LabFolder
from hypervisor import reset, warm_start
from hypervisor.kept_labs import KeptLab, KeptLabs
from hypervisor.objects import Found
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import take
from hypervisor.snapshots import Shelf
from infra.backend import SECRET
from infra.engine import Engine, State
from infra.host_keys import ensure_host_key, volume_of
from infra.impact import Impact
from infra.keeping import kept_in
from infra.planning import plan_inventory
from infra.rekeying import blob, software_inputs
from infra.ssh_key import ensure_ssh_key
from inventory.mark import volume_name
from inventory.model import Machine
from inventory.record import Boot, LabRecord, load_inventory, save
from labs.loading import load
from labs.roles import MachineRole
from parts.secrets import ensure_secrets, load_secrets
from status.model import LabStatus
from tests.unit.snapshot_scene import NAMES, Daemon, FakeVirsh
from tests.unit.test_host_keys import keygen

pytestmark = keygen

MARK = "6b7a1c1e-2f0d-4d53-9d7e-3c2b6a9f0e11"
BASE = volume_name(MARK, "base-node-disk.qcow2")
HEALTHY = cast("LabStatus", object())
POOL_AND_NETWORK = {"pool": "uuid-pool", "network": "uuid-mgmt"}


@dataclass(frozen=True)
class Libvirt(FakeVirsh):
    """A daemon that also describes and defines: a machine's description names its keys."""

    described: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, check: bool = True, timeout: float = 60) -> str:
        match words:
            case ("dumpxml" | "net-dumpxml" | "pool-dumpxml", *_, uuid):
                return self.described[uuid]
            case ("save-image-dumpxml", path):
                return self.described[f"uuid-{Path(path).stem}"]
            case ("define", path):
                text = Path(path).read_text()
                name = ElementTree.fromstring(text).findtext("name", "")
                self.daemon.step(f"define {name}")
                self.described[f"uuid-{name}"] = text
                self.daemon.states[name] = "shut off"
                return ""
            case ("net-define" | "net-autostart" | "net-start" | "pool-define", _):
                self.daemon.step(words[0])
                return ""
            case ("pool-autostart" | "pool-start", _):
                self.daemon.step(words[0])
                return ""
            case ("restore", memory, "--paused", "--xml", description):
                self.described[f"loaded {Path(memory).stem}"] = Path(description).read_text()
        return super().__call__(*words, check=check, timeout=timeout)


@dataclass
class Pulumi:
    """An engine whose state holds the software and what one machine is described by."""

    folder: LabFolder
    record: LabRecord
    adopted: State | None = None

    def prepare(self, _: object) -> None:
        pass

    def export(self) -> State:
        def secret(value: object) -> dict[str, str]:
            return {SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}

        secrets = load_secrets(self.folder.secrets)
        given = software_inputs(self.folder, self.record, load_inventory(self.folder), secrets)
        given |= {name: secret(given[name]) for name in ("secrets", "files")}
        software = {"urn": "urn:pulumi:x::halab::y::software", "inputs": given, "outputs": given}
        machine = {"urn": "...::node1", "inputs": {"cmdlines": [public_of(self.folder)]}}
        return State(version=3, deployment={"resources": [machine, software]})

    def adopt(self, state: State) -> None:
        self.adopted = state


@dataclass
class Place:
    """This machine: a lab's folder, the daemon in which it runs, and who heard what."""

    folder: LabFolder
    libvirt: Libvirt
    renewed: list[tuple[Machine, str, str]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)

    def prepared(self) -> Prepared[LabRecord]:
        """Return a lab that is to be built, as `up` prepares it."""
        lab, folder = load("active-passive"), self.folder
        boot = folder.path.parent / "image"
        if not boot.exists():
            write_file(boot, "an image")
        record = LabRecord(
            source="active-passive",
            uri="fake",
            private=True,
            accelerated=False,
            proxy_command="socat - TCP:%h:%p",
            mark=MARK,
            prefix="",
            pool=folder.pool,
            boot={role: Boot(disk=boot, kernel=boot, initrd=boot) for role in MachineRole},
            domains={name: name for name in NAMES},
        )
        folder.pool.mkdir(parents=True)
        ensure_ssh_key(folder)
        save(folder.record, record)
        write_file(folder.definition, 'version = 1\nname = "active-passive"\n')
        engine = cast("Engine", Pulumi(folder, record))
        return Prepared(lab, folder, record, engine, folder.definition, True, False, lab, ())

    def build(self, prepared: Prepared[LabRecord]) -> None:
        """Do what a cold `up` does, with its snapshot."""
        folder, record = prepared.folder, prepared.record
        host_keys = {name: ensure_host_key(folder, name) for name in NAMES}
        ensure_secrets(folder.secrets)
        save(folder.inventory, plan_inventory(prepared.lab, record, folder, host_keys))
        (folder.pool / BASE).write_text("a guest image")
        self.libvirt.described.update(dict.fromkeys(POOL_AND_NETWORK.values(), "<it/>"))
        for name, key in host_keys.items():
            volume = volume_of(MARK, name, key)
            (folder.pool / volume).write_bytes(key.private.read_bytes())
            self.libvirt.described[f"uuid-{name}"] = (
                f"<domain><name>{name}</name><cmdline>halab.key={blob(public_of(folder))}</cmdline>"
                f"<entry file='{folder.pool / volume}'/></domain>"
            )
            self.libvirt.daemon.states[name] = "running"
        self.libvirt.daemon.age()
        inventory = load_inventory(folder)
        take(folder, record, inventory, "up", lambda _: None, healthy=True)

    def take_away(self) -> None:
        """Do what `down` does."""
        shutil.rmtree(self.folder.path)
        daemon = self.libvirt.daemon
        daemon.states.clear()
        daemon.memory.clear()
        daemon.calls.clear()
        self.libvirt.described.clear()


def public_of(folder: LabFolder) -> str:
    return folder.ssh_key.with_suffix(".pub").read_text()


def step(_: str) -> None:
    """Hear what is done."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = LabFolder.of("active-passive")
    made = Place(folder, Libvirt("fake", Daemon(folder.pool)))
    monkeypatch.setattr(reset, "Virsh", lambda _: made.libvirt)
    monkeypatch.setattr(warm_start, "Virsh", lambda _: made.libvirt)
    monkeypatch.setattr(warm_start, "owned", owned)
    monkeypatch.setattr(PrivateHypervisor, "is_running", lambda _: True)
    monkeypatch.setattr(PrivateHypervisor, "stop", lambda _: made.did.append("stop"))
    monkeypatch.setattr(reset, "set_clocks", lambda *_: None)
    monkeypatch.setattr(warming, "renew_keys", lambda *words: made.renewed.append(words[:3]))
    monkeypatch.setattr(warming, "set_clocks", lambda *_: made.did.append("clocks"))
    monkeypatch.setattr(warming, "set_passwords", lambda *_: made.did.append("passwords"))
    monkeypatch.setattr(warming, "wait_healthy", lambda *_, **__: HEALTHY)
    monkeypatch.setattr(warm_start, "facts_of_halab", lambda: {"halab": "this"})
    return made


def owned(_: object, kind: str, __: object) -> list[Found]:
    uuids = POOL_AND_NETWORK.get(kind)
    named = [uuids] if uuids else [f"uuid-{name}" for name in NAMES]
    return [Found(kind, uuid, uuid, ElementTree.Element(kind)) for uuid in named]


@pytest.fixture
def kept(place: Place) -> KeptLab:
    """A lab that was built, kept and taken away."""
    prepared = place.prepared()
    place.build(prepared)
    keep(prepared, Progress())
    place.take_away()
    [one] = KeptLabs().all()
    return one


def test_what_is_kept_takes_no_space_beside_the_lab_and_has_no_host_key(place: Place) -> None:
    prepared = place.prepared()
    place.build(prepared)

    keep(prepared, Progress())

    folder = KeptLabs().path("active-passive")
    assert (folder / "pool" / BASE).samefile(prepared.record.pool / BASE)
    memory = Shelf(prepared.folder).path("up") / "node1.memory"
    assert (folder / "snapshot" / "node1.memory").samefile(memory)
    assert [path.name for path in (folder / "pool").iterdir()] == [BASE]
    assert folder.parent.stat().st_mode & 0o077 == 0


def test_a_lab_comes_back_as_it_was_with_keys_of_its_own(place: Place, kept: KeptLab) -> None:
    prepared = place.prepared()
    assert find_kept(prepared, Progress()) == kept
    old = KeptLabs().path(kept.name)
    old_blob = blob((old / "id_ed25519.pub").read_text())
    new_blob = blob(public_of(prepared.folder))

    assert start_warm(prepared, kept, step) is HEALTHY

    folder, daemon = prepared.folder, place.libvirt.daemon
    assert set(daemon.states.values()) == {"running"}
    assert set(daemon.memory.values()) == {"1"}
    # What each machine is described by, now and at its next start, knows the new keys alone.
    inventory = load_inventory(folder)
    for name in NAMES:
        volume = volume_of(MARK, name, ensure_host_key(folder, name))
        for text in (f"uuid-{name}", f"loaded {name}"):
            described = place.libvirt.described[text]
            assert new_blob in described and old_blob not in described
            assert volume in described
        key = (folder.pool / volume).read_text()
        assert key == (folder.host_keys / name).read_text()
    # The machines are reached by the former keys until they have the new ones.
    assert {machine.name for machine, *_ in place.renewed} == set(NAMES)
    for machine, authorized, host_key in place.renewed:
        assert machine.ssh.key_file == old / "id_ed25519"
        assert machine.ssh.host_key != inventory.machine(machine.name).ssh.host_key
        assert blob(authorized) == new_blob
        assert host_key == (folder.host_keys / machine.name).read_text()
    assert place.did == ["passwords", "clocks"]
    assert not folder.warming.exists()
    assert folder.applied.read_bytes() == folder.definition.read_bytes()
    assert Shelf(folder).all() == []


def test_pulumi_keeps_what_the_lab_has_now(place: Place, kept: KeptLab) -> None:
    prepared = place.prepared()

    start_warm(prepared, kept, step)

    adopted = cast("Pulumi", prepared.engine).adopted
    assert adopted is not None
    held, folder = kept_in(adopted.deployment), prepared.folder
    for name in ("inventory", "secrets"):
        file = folder.path / f"{name}.json"
        assert json.loads(held[file.name]) == json.loads(file.read_text())
    assert held["ssh/id_ed25519"] == folder.ssh_key.read_text()
    former = load_secrets(KeptLabs().path(kept.name) / "secrets.json")
    assert former.zabbix_admin_password not in json.dumps(adopted.deployment)
    assert load_secrets(folder.secrets).corosync_authkey == former.corosync_authkey


def test_it_comes_back_again_and_again_each_time_with_other_keys(
    place: Place, kept: KeptLab
) -> None:
    keys = set()
    for _ in range(2):
        prepared = place.prepared()
        start_warm(prepared, kept, step)
        keys.add(blob(public_of(prepared.folder)))
        keys.add(load_secrets(prepared.folder.secrets).zabbix_admin_password)
        # Whatever the lab does to its disks is no matter to what is kept.
        place.libvirt.daemon.age()
        place.take_away()
        assert KeptLabs().find(kept.name) == kept
    assert len(keys) == 4


def test_only_a_lab_of_the_same_is_started_from(
    place: Place, kept: KeptLab, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared = place.prepared()
    assert find_kept(replace(prepared, new=False), Progress()) is None
    shared = prepared.record.model_copy(update={"private": False})
    assert find_kept(replace(prepared, record=shared), Progress()) is None

    monkeypatch.setattr(warm_start, "facts_of_halab", lambda: {"halab": "newer"})
    larger = prepared.lab.model_copy(update={"description": "another"})
    assert find_kept(replace(prepared, lab=larger), Progress()) is None
    assert "before this changed: the definition, halab" in " ".join(capfd.readouterr().err.split())
    assert KeptLabs().find(kept.name) is not None


def no_memory(place: Place, _: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    place.libvirt.daemon.unreadable = True


def no_state(_: Place, prepared: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared.engine, "adopt", refuse)


def no_keys(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "renew_keys", refuse)


def no_health(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "wait_healthy", refuse)


def no_room(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_start, "copy", full)


def kept_anew(_: Place, prepared: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeptLabs, "find", lambda *_: None)


def refuse(*_: object, **__: object) -> None:
    raise HalabError("it does not work")


def full(*_: object) -> None:
    raise CommandError("cp", status=1, stderr="No space left on device")


@pytest.mark.parametrize("trouble", [no_memory, no_state, no_keys, no_health, no_room, kept_anew])
def test_what_a_failed_start_leaves_makes_way_for_a_new_lab(
    place: Place,
    kept: KeptLab,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Place, Prepared[LabRecord], pytest.MonkeyPatch], None],
) -> None:
    prepared = place.prepared()
    (prepared.folder.path / "claim.json").write_text("whose it is")
    trouble(place, prepared, monkeypatch)

    with pytest.raises(HalabError):
        start_warm(prepared, kept, step)

    # So the next `up` knows, also when this one is killed now.
    assert prepared.folder.warming.exists()
    begin_again(prepared.folder, step)
    assert place.did[-1] == "stop"
    assert [path.name for path in prepared.folder.path.iterdir()] == ["claim.json"]


def test_a_lab_that_cannot_be_kept_is_complete(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared = place.prepared()
    place.build(prepared)
    monkeypatch.setattr(prepared.engine, "export", refuse)

    keep(prepared, Progress())

    assert "not kept for a warm start: it does not work" in capfd.readouterr().err
    assert KeptLabs().all() == []
    assert list((KeptLabs().path("x").parent).glob(".active-passive")) == []


def test_nothing_is_kept_where_nothing_may_be(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALAB_CACHE_GIB", "0")
    prepared = place.prepared()
    place.build(prepared)

    keep(prepared, Progress())

    assert KeptLabs().all() == []


@dataclass
class Course:
    """What `up` did, in order."""

    did: list[str] = field(default_factory=list)

    def note(self, what: str, answer: Any = None) -> Callable[..., Any]:
        def noted(*_: object, **__: object) -> Any:
            self.did.append(what)
            return answer

        return noted


@pytest.fixture
def course(place: Place, monkeypatch: pytest.MonkeyPatch) -> Course:
    """An `up` of which only the order of its steps is real; a lab is kept."""
    made, prepared = Course(), place.prepared()
    kept = KeptLab(name="active-passive", made=datetime.now(UTC), facts={}, size=1, files={})
    monkeypatch.setattr(up_module, "prepare", made.note("prepare", prepared))
    monkeypatch.setattr(up_module, "find_kept", made.note("look", kept))
    monkeypatch.setattr(up_module, "start_warm", made.note("warm", HEALTHY))
    monkeypatch.setattr(up_module, "begin_again", made.note("begin again"))
    monkeypatch.setattr(up_module, "build_measured", made.note("cold", HEALTHY))
    monkeypatch.setattr(up_module, "keep_for_reset", made.note("snapshot", True))
    monkeypatch.setattr(up_module, "keep", made.note("keep"))
    monkeypatch.setattr(KeptLabs, "remove", made.note("give up"))
    monkeypatch.setattr(up_module, "say_how_to_go_on", lambda *_, **__: None)
    return made


def test_up_starts_from_what_is_kept(course: Course) -> None:
    up_module.up("active-passive")
    assert course.did == ["prepare", "look", "warm", "snapshot"]


def test_up_builds_and_keeps_where_nothing_is_kept(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up_module, "find_kept", course.note("look"))
    up_module.up("active-passive")
    assert course.did == ["prepare", "look", "cold", "snapshot", "keep"]


def test_a_cold_up_neither_takes_nor_keeps(course: Course) -> None:
    up_module.up("active-passive", cold=True)
    assert course.did == ["prepare", "cold", "snapshot"]


def test_without_a_snapshot_there_is_nothing_to_keep(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up_module, "find_kept", course.note("look"))
    up_module.up("active-passive", snapshot=False)
    assert course.did == ["prepare", "look", "cold"]


def test_a_warm_start_that_fails_says_so_and_the_lab_is_built(
    course: Course, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up_module, "start_warm", refuse)
    up_module.up("active-passive")
    assert course.did == [
        *("prepare", "look", "give up", "begin again"),
        *("prepare", "cold", "snapshot", "keep"),
    ]
    assert "the warm start failed" in capfd.readouterr().err


def test_a_warm_start_that_was_killed_is_begun_again(course: Course, place: Place) -> None:
    place.folder.warming.mkdir()
    up_module.up("active-passive")
    assert course.did == ["begin again", "prepare", "look", "warm", "snapshot"]


def test_a_lab_that_exists_is_not_kept(
    course: Course, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place.folder.path)
    standing = replace(place.prepared(), exists=True, new=False)
    monkeypatch.setattr(up_module, "prepare", course.note("prepare", standing))
    monkeypatch.setattr(up_module, "review", course.note("review", Impact()))
    monkeypatch.setattr(up_module, "find_kept", course.note("look"))
    up_module.up("active-passive")
    assert course.did == ["prepare", "review", "look", "cold", "snapshot"]

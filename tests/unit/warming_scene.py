"""A machine on which a lab is kept and started again, with libvirt and Pulumi played by others."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest

from cli import warming
from cli.building import Prepared
from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from hypervisor import reset, warm_start
from hypervisor.objects import Found
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import take
from infra.backend import SECRET
from infra.engine import Engine, State
from infra.host_keys import ensure_host_key, volume_of
from infra.planning import plan_inventory
from infra.rekeying import blob, software_inputs
from infra.ssh_key import ensure_ssh_key
from inventory.mark import volume_name
from inventory.record import Boot, LabRecord, load_inventory, save
from labs.loading import load
from labs.roles import MachineRole
from machines.remote import Remote
from parts.secrets import ensure_secrets, load_secrets
from status.collect import Observer
from status.model import LabStatus
from tests.unit.snapshot_scene import NAMES, Daemon, FakeVirsh

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
    renewed: list[tuple[Remote, str, str]] = field(default_factory=list)
    taken_over: list[tuple[Remote, Remote]] = field(default_factory=list)
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
        observer = Observer(load_inventory(folder))
        take(folder, record, observer, "up", lambda _: None, healthy=True)

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


def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return this machine with nothing on it, every daemon played by another."""
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
    monkeypatch.setattr(
        Remote, "take_over", lambda one, other: made.taken_over.append((one, other))
    )
    monkeypatch.setattr(warming, "set_passwords", lambda *_: made.did.append("passwords"))
    monkeypatch.setattr(warming, "wait_healthy", lambda *_, **__: HEALTHY)
    monkeypatch.setattr(warm_start, "facts_of_halab", lambda: {"halab": "this"})
    return made


def owned(_: object, kind: str, __: object) -> list[Found]:
    uuids = POOL_AND_NETWORK.get(kind)
    named = [uuids] if uuids else [f"uuid-{name}" for name in NAMES]
    return [Found(kind, uuid, uuid, ElementTree.Element(kind)) for uuid in named]


def refuse(*_: object, **__: object) -> None:
    raise HalabError("it does not work")

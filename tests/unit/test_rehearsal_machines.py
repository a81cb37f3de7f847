"""Guests in the place of instances: what libvirt is told, and what is said of their states."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from hypervisor.objects import Virsh
from inventory.emulation import FEATURES_LEFT_OUT
from rehearsal import domains, machines
from rehearsal.domains import Files, Size
from rehearsal.machines import PENDING, RUNNING, STOPPED, STOPPING, Machines
from rehearsal.wanted import Guest, Volume
from tests.unit.rehearsed import FIRST, SECOND, wanted

SIZE = Size(512, 1, accelerated=False)


class Libvirt:
    """Answers as virsh does, remembers what it was told and which domains run."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.described: list[ElementTree.Element] = []
        self.states: dict[str, str] = {}

    def __call__(self, *words: str, check: bool = True, timeout: float = 60) -> str:
        if words[0] == "list":
            lines = [f" - {name} {state}" for name, state in self.states.items()]
            return "\n".join(lines)
        text = " ".join(word for word in words if not word.endswith(".xml"))
        self.told += text.split("; ")
        files = [Path(word) for word in words if word.endswith(".xml")]
        self.described += [ElementTree.fromstring(file.read_text()) for file in files]
        verb, *names = text.split()
        if verb == "define":
            self.states[str(self.described[-1].findtext("name"))] = "shut off"
        elif verb in ("start", "destroy"):
            self.states[names[0]] = "running" if verb == "start" else "shut off"
        elif verb == "undefine":
            del self.states[names[0]]
        return ""


class Lab:
    def __init__(self, folder: Path) -> None:
        self.libvirt = Libvirt()
        self.files = Files(folder)
        self.made: list[list[str]] = []
        self.machines = Machines(
            cast(Virsh, self.libvirt), self.files, SIZE, lambda words: self._make(words)
        )

    def _make(self, words: list[Any]) -> None:
        self.made.append([str(word) for word in words])
        next(word for word in words if isinstance(word, Path) and word.parent == self.files.folder)
        for word in words:
            if isinstance(word, Path) and word.parent == self.files.folder:
                word.touch()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(machines, "FRESH_S", -1.0)
    return Lab(tmp_path)


ONE = Guest("i-1", 8, {0: FIRST})
VOLUME = Volume("vol-1", 2, False, {"i-1": "/dev/sdf"})


def test_an_instance_becomes_a_guest_with_its_interfaces_and_volumes(lab: Lab) -> None:
    assert lab.machines.state("i-1") == PENDING

    lab.machines.match(wanted(guests=(ONE,), volumes=(VOLUME,)))

    domain, interface, disk = lab.libvirt.described
    assert lab.libvirt.told == [
        "define",
        "attach-device i-1 --persistent",
        "attach-device i-1 --persistent",
        "start i-1",
    ]
    identity = str(domain.findtext("uuid"))
    assert identity.startswith("ec2")
    assert [each.text for each in domain.findall("sysinfo/system/entry")][1:] == [identity] * 2
    mac, bridge = interface.find("mac"), interface.find("source")
    assert mac is not None and mac.get("address") == FIRST.mac
    assert bridge is not None and bridge.get("bridge") == FIRST.bridge
    assert disk.findtext("serial") == "sdf"
    assert lab.machines.state("i-1") == RUNNING


def test_what_is_attached_and_detached_is_plugged_and_pulled(lab: Lab) -> None:
    lab.machines.match(wanted(guests=(ONE,), volumes=()))
    lab.libvirt.told.clear()

    both = replace(ONE, ports={0: FIRST, 1: SECOND})
    lab.machines.match(wanted(guests=(both,), volumes=(VOLUME,)))
    assert lab.libvirt.told == ["attach-device i-1 --persistent"] * 2

    lab.machines.match(wanted(guests=(both,), volumes=(replace(VOLUME, attached={}),)))
    assert lab.libvirt.told[2:] == ["detach-device i-1 --persistent"]
    # A volume keeps what is on it until it is deleted.
    assert lab.files.volume("vol-1").exists()
    lab.machines.match(wanted(guests=(both,), volumes=()))
    assert not lab.files.volume("vol-1").exists()


def test_a_volume_that_grew_grows_in_its_guest(lab: Lab) -> None:
    lab.machines.match(wanted(guests=(ONE,), volumes=(VOLUME,)))

    lab.machines.match(wanted(guests=(ONE,), volumes=(replace(VOLUME, size_gib=3),)))

    assert lab.libvirt.told[-1] == f"blockresize i-1 {lab.files.volume('vol-1')} 3G"


def test_a_guest_is_told_to_stop_and_loses_its_power_when_it_does_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.machines.match(wanted(guests=(ONE,), volumes=()))
    lab.machines.stop("i-1", forced=False)
    assert lab.libvirt.told[-1] == "shutdown i-1"
    assert lab.machines.state("i-1") == STOPPING

    lab.machines.stop("i-1", forced=True)

    assert lab.libvirt.told[-1] == "destroy i-1"
    assert lab.machines.state("i-1") == STOPPED
    lab.machines.start("i-1")
    assert lab.machines.state("i-1") == RUNNING


def test_a_guest_that_stopped_itself_is_stopped_and_stays_so(lab: Lab) -> None:
    lab.machines.match(wanted(guests=(ONE,), volumes=()))
    lab.libvirt.states["i-1"] = "shut off"

    lab.machines.match(wanted(guests=(ONE,), volumes=(VOLUME,)))

    assert lab.machines.state("i-1") == STOPPED


def test_one_that_is_terminated_leaves_nothing(lab: Lab) -> None:
    lab.machines.match(wanted(guests=(ONE,), volumes=()))

    lab.machines.match(wanted(guests=(), volumes=()))

    assert lab.libvirt.told[-2:] == ["destroy i-1", "undefine i-1"]
    assert list(lab.files.of_guests()) == []


@pytest.mark.parametrize(("name", "place"), [("sdf", "vdf"), ("xvdg", "vdg"), ("sd1", "vdz")])
def test_a_disk_has_a_place_by_the_letter_of_its_name(name: str, place: str) -> None:
    assert domains.target(name) == place


def test_an_emulated_processor_has_nothing_that_is_slow_to_emulate(tmp_path: Path) -> None:
    def processor(size: Size) -> ElementTree.Element | None:
        described = domains.domain(wanted().guests[0], Files(tmp_path), size)
        return ElementTree.fromstring(described).find("cpu")

    emulated, real = processor(SIZE), processor(replace(SIZE, accelerated=True))
    assert emulated is not None and real is not None
    assert [each.get("name") for each in emulated] == list(FEATURES_LEFT_OUT)
    assert (real.get("mode"), len(real)) == ("host-passthrough", 0)

"""The answer of the KVM probe: forced, remembered, found out anew."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import HalabError
from hypervisor import acceleration
from hypervisor.acceleration import Acceleration, probe

KERNEL, INITRD = Path("/images/kernel"), Path("/images/initrd")
BOOTS = Acceleration(True, "a kernel booted on KVM")
look_for_obstacles = acceleration._obstacle


@pytest.fixture(autouse=True)
def a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(acceleration, "_obstacle", lambda: None)
    monkeypatch.setattr(acceleration, "_boot", lambda *_: BOOTS)
    monkeypatch.setattr(acceleration, "_subject", lambda kernel: {"kernel": str(kernel)})


def forbid_booting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceleration, "_boot", lambda *_: pytest.fail("booted a kernel"))


@pytest.mark.parametrize(("word", "accelerated"), [("kvm", True), ("emulation", False)])
def test_a_person_decides(monkeypatch: pytest.MonkeyPatch, word: str, accelerated: bool) -> None:
    forbid_booting(monkeypatch)
    monkeypatch.setenv(acceleration.OVERRIDE, word)
    assert probe(KERNEL, INITRD).accelerated is accelerated


def test_a_word_that_is_not_known_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(acceleration.OVERRIDE, "maybe")
    with pytest.raises(HalabError, match="maybe"):
        probe(KERNEL, INITRD)


def test_an_obstacle_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_booting(monkeypatch)
    monkeypatch.setattr(acceleration, "_obstacle", lambda: "/dev/kvm is closed")
    assert probe(KERNEL, INITRD) == Acceleration(False, "/dev/kvm is closed")


def test_the_answer_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert acceleration.remembered(KERNEL) is None
    assert probe(KERNEL, INITRD) == BOOTS
    forbid_booting(monkeypatch)
    assert probe(KERNEL, INITRD) == BOOTS == acceleration.remembered(KERNEL)


def test_another_kernel_is_tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    probe(KERNEL, INITRD)
    dies = Acceleration(False, "does not boot")
    monkeypatch.setattr(acceleration, "_boot", lambda *_: dies)
    assert probe(Path("/images/other"), INITRD) == dies


@pytest.mark.parametrize("found", [b"{", b"\xff\xfe", b"null", b'"calm"', b"[]", b"{}", b"\0" * 99])
def test_a_broken_memory_is_no_answer(tmp_path: Path, found: bytes) -> None:
    probe(KERNEL, INITRD)
    (tmp_path / "halab" / "acceleration.json").write_bytes(found)
    assert acceleration.remembered(KERNEL) is None


def test_a_machine_without_the_device_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceleration, "_obstacle", look_for_obstacles)
    monkeypatch.setattr(acceleration, "DEVICE", tmp_path / "kvm")
    found = acceleration.remembered(KERNEL)
    assert found is not None
    assert "no /dev/kvm" in found.reason


def test_a_device_that_is_closed_to_namespaces_is_opened_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The group kvm is no help: libvirt drops the groups of what runs a guest.
    monkeypatch.setattr(acceleration, "_obstacle", look_for_obstacles)
    monkeypatch.setattr(acceleration, "DEVICE", tmp_path / "kvm")
    (tmp_path / "kvm").touch()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("os.getuid", lambda: 1000)
    monkeypatch.setattr(acceleration, "run", lambda *_, **__: SimpleNamespace(returncode=2))
    found = acceleration.remembered(KERNEL)
    assert found is not None
    assert f"sudo setfacl -m u:1000:rw {tmp_path}/kvm" in found.reason
    assert "docs/troubleshooting.md" in found.reason

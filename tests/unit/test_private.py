"""The private hypervisor: who it is, where it is reached, what is said when it cannot be."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from core.processes import is_alive
from hypervisor import private
from hypervisor.private import PrivateHypervisor


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    lab = LabFolder(tmp_path / "lab")
    lab.hypervisor.mkdir(parents=True)
    return lab


@pytest.fixture
def sleeper() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def first(folder: LabFolder, tmp_path: Path) -> Iterator[int]:
    """A process whose command is that of a hypervisor's first one."""
    inside = tmp_path / "hypervisor" / "inside"
    inside.parent.mkdir()
    inside.write_text("echo up; sleep 60; :\n")
    script = ["sh", str(inside), str(folder.hypervisor)]
    with subprocess.Popen(script, start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        # Its words stand in /proc only when it runs, a moment after Popen returns.
        process.stdout.readline()
        yield process.pid
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_it_is_known_by_its_command_whichever_way_leads_to_its_folder(
    folder: LabFolder, first: int, tmp_path: Path
) -> None:
    (tmp_path / "way").symlink_to(tmp_path)
    for way in (folder.path, tmp_path / "way" / "lab"):
        assert PrivateHypervisor(LabFolder(way)).processes()[0] == first


def test_another_lab_s_is_left_alone(first: int, tmp_path: Path) -> None:
    other = PrivateHypervisor(LabFolder(tmp_path / "other"))
    assert not other.is_running()
    assert other.processes() == []
    other.stop()
    assert is_alive(first)


def test_sockets_stand_in_the_lab(folder: LabFolder) -> None:
    hypervisor = PrivateHypervisor(LabFolder(Path("/home/ann/lab")))
    assert hypervisor.uri == "qemu:///system?socket=/home/ann/lab/hypervisor/run/libvirt-sock"


def test_a_long_path_gets_short_sockets_of_its_own() -> None:
    one, other = (
        PrivateHypervisor(LabFolder(Path("/home") / ("x" * 90) / name)).sockets for name in "ab"
    )
    assert one != other
    for sockets in (one, other):
        assert len(os.fsencode(sockets / "libvirt-admin-sock")) <= private.SOCKET_PATH_LIMIT


def test_the_proxy_command_survives_blanks_in_the_path(tmp_path: Path) -> None:
    lab = LabFolder(tmp_path / "a lab")
    lab.hypervisor.mkdir(parents=True)
    (lab.hypervisor / "inside.pid").write_text("4711\n")
    command = PrivateHypervisor(lab).proxy_command()
    words = subprocess.run(
        ["sh", "-c", command.replace("nsenter", "echo", 1)], capture_output=True, text=True
    )
    assert words.stdout.startswith("--target 4711 ")
    assert shlex.split(words.stdout)[-3:] == ["socat", "-", "TCP:%h:%p"]


def test_a_folder_that_stayed_is_named(folder: LabFolder) -> None:
    assert f"folder {folder.path}" in PrivateHypervisor(folder).leftovers()


def test_a_process_that_stayed_is_named(folder: LabFolder) -> None:
    script = ["sh", "-c", "echo up; sleep 60; :", str(folder.hypervisor / "libvirtd.conf")]
    with subprocess.Popen(script, start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        # Its words stand in /proc only when it runs, a moment after Popen returns.
        process.stdout.readline()
        found = PrivateHypervisor(folder).leftovers()
        os.killpg(process.pid, signal.SIGKILL)
    assert any(entry.startswith(f"process {process.pid}:") for entry in found)


def test_the_process_to_enter_is_noted_even_if_libvirtd_answers_at_once(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch, sleeper: int
) -> None:
    asked: list[str] = []

    def answer(*_: object, **__: object) -> SimpleNamespace:
        asked.append("virsh uri")
        return SimpleNamespace(stdout="qemu:///system\n")

    monkeypatch.setattr(private, "check_namespaces", lambda: None)
    monkeypatch.setattr(
        private, "in_private_namespaces", lambda _: [sys.executable, "-c", "input()"]
    )
    monkeypatch.setattr(private, "run", answer)
    monkeypatch.setattr(private, "children", lambda _: [sleeper] if asked else [])
    PrivateHypervisor(folder).start()
    assert (folder.hypervisor / "inside.pid").read_text() == f"{sleeper}\n"


def test_visitors_end_with_the_hypervisor(folder: LabFolder) -> None:
    assert " --net --pid " in PrivateHypervisor(folder).proxy_command()


def test_sockets_never_stand_in_somebody_elses_folder(
    tmp_path: Path, folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").symlink_to(tmp_path / "theirs")
    hypervisor = PrivateHypervisor(folder)
    monkeypatch.setattr(hypervisor, "sockets", tmp_path / "ours")
    monkeypatch.setattr(private, "check_namespaces", lambda: None)
    monkeypatch.setattr(private, "in_private_namespaces", lambda _: pytest.fail("started"))
    with pytest.raises(HalabError, match="somebody else"):
        hypervisor.start()

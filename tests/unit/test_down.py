"""`down` tells the truth: it says "removed" only after it looked, whatever is lost or damaged."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.building import prepare
from cli.choosing import existing
from cli.down import down
from cli.listing import describe, list_labs
from cli.progress import Progress
from core.errors import HalabError
from core.folders import LabFolder
from core.processes import is_alive
from hypervisor.placing import place_of
from hypervisor.private import PrivateHypervisor, first_processes
from inventory.record import LabRecord, load_record, save
from labs.loading import load
from tests.unit.test_ownership import with_libvirtd

SHARED = 'version = 1\nname = "web"\n[platform]\nuri = "qemu:///system?socket=/nobody"\n'

MACHINE = (
    "<domain type='qemu'><name>node1</name><memory unit='MiB'>16</memory>"
    "<os><type arch='x86_64'>hvm</type></os></domain>"
)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def folder() -> LabFolder:
    lab = LabFolder.of("web")
    lab.path.mkdir(parents=True)
    return lab


@pytest.fixture
def running(folder: LabFolder, tmp_path: Path) -> Iterator[LabFolder]:
    """A lab whose private hypervisor runs one machine."""
    hypervisor = PrivateHypervisor(folder)
    hypervisor.start()
    (tmp_path / "machine.xml").write_text(MACHINE)
    virsh = ["virsh", "-q", "-c", hypervisor.uri, f"define {tmp_path}/machine.xml; start node1"]
    subprocess.run(virsh, check=True)
    yield folder
    hypervisor.stop()


def lose_the_folder(folder: LabFolder) -> None:
    shutil.rmtree(folder.path)


def cut_everything_off(folder: LabFolder) -> None:
    """Leave what a loss of power leaves of young files."""
    pulumi = folder.pulumi / ".pulumi"
    for path, content in (
        (folder.hypervisor / "inside.pid", b""),
        (folder.record, b"\xff{"),
        (folder.definition, b""),
        (pulumi / "stacks" / "halab" / "web.json", b'{"version": 3, "check'),
        (pulumi / "locks" / "organization" / "halab" / "web" / "one.json", b'{"pid": '),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@with_libvirtd
@pytest.mark.parametrize("lose", [lose_the_folder, cut_everything_off])
def test_machines_are_ended_whatever_is_lost(
    running: LabFolder, lose: Callable[[LabFolder], None]
) -> None:
    processes = PrivateHypervisor(running).processes()
    lose(running)

    down("web")

    assert not running.path.exists()
    assert [pid for pid in processes if is_alive(pid)] == []
    assert PrivateHypervisor(running).leftovers() == []


@with_libvirtd
def test_a_lab_whose_folder_is_gone_is_listed_and_gets_no_second_hypervisor(
    running: LabFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_the_folder(running)

    assert existing() == [running]
    found = describe(running)
    assert (found["state"], found["running"]) == ("folder missing", ["node1"])
    list_labs()
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["web"]]
    assert "folder missing" in line
    assert "1 machine runs" in line

    (tmp_path / "web.toml").write_text('version = 1\nname = "web"\n')
    with pytest.raises(HalabError, match="1 machine of lab 'web' runs") as error:
        prepare(load(str(tmp_path / "web.toml")), "web.toml", Progress())
    assert "./halab down web" in str(error.value.hint)
    assert not running.path.exists()


@with_libvirtd
def test_a_hypervisor_whose_note_is_lost_is_found_and_noted_again(running: LabFolder) -> None:
    first = first_processes()[running.hypervisor]
    note = running.hypervisor / "inside.pid"
    noted = note.read_text()
    note.unlink()

    PrivateHypervisor(running).start()

    assert first_processes()[running.hypervisor] == first
    assert note.read_text() == noted


def copied(folder: LabFolder, name: str) -> LabFolder:
    """Copy a lab's folder as a person does, with all that it says."""
    copy = LabFolder.of(name)
    subprocess.run(["cp", "-a", folder.path, copy.path], check=True)
    return copy


def test_a_copy_of_a_folder_is_removed_and_the_lab_runs_on(running: LabFolder) -> None:
    copy = copied(running, "copy")
    assert describe(copy)["running"] == []
    down("copy")
    assert not copy.path.exists()
    assert PrivateHypervisor(running).guests() == ["node1"]


def test_a_lab_is_seen_by_every_way_to_its_folder(
    running: LabFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "way").symlink_to(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "way"))
    assert PrivateHypervisor(LabFolder.of("web")).is_running()


@pytest.mark.parametrize("private", [True, False])
def test_what_a_copied_or_moved_folder_says_is_of_the_lab_that_it_was(
    folder: LabFolder, private: bool
) -> None:
    folder.definition.write_text('version = 1\nname = "web"\n' if private else SHARED)
    place = place_of(load(str(folder.definition)), folder)
    record = LabRecord(**dict(place), source="web", accelerated=True, proxy_command=None, boot={})
    save(folder.record, record)
    assert load_record(folder) == record

    with pytest.raises(HalabError, match="of another lab") as refused:
        load_record(copied(folder, "copy"))
    assert ("down copy" if private else "rm -r") in str(refused.value.hint)


def test_where_libvirt_does_not_answer_nothing_is_removed(folder: LabFolder) -> None:
    folder.definition.write_text(SHARED)
    folder.record.write_text("")

    with pytest.raises(HalabError, match="does not answer") as error:
        down("web")

    assert "domains: web-node1, web-node2, web-monitor" in str(error.value.detail)
    assert folder.definition.exists()


@pytest.mark.parametrize("definition", [None, "", SHARED.replace("web", "other")])
def test_where_nobody_knows_the_libvirt_the_folder_stays_and_the_names_are_said(
    folder: LabFolder, definition: str | None
) -> None:
    folder.record.write_text("")
    if definition is not None:
        folder.definition.write_text(definition)

    with pytest.raises(HalabError, match="nothing was removed") as error:
        down("web")

    assert "virsh -c URI 'list --all" in str(error.value.detail)
    assert folder.path.exists()


def test_a_lab_that_was_interrupted_before_anything_was_made_is_removed(folder: LabFolder) -> None:
    folder.consoles.mkdir()
    down("web")
    assert not folder.path.exists()


def test_a_lab_on_a_libvirt_that_does_not_answer_is_not_called_stopped(folder: LabFolder) -> None:
    folder.record.write_text(
        json.dumps(
            {
                "source": "web.toml",
                "uri": "qemu:///system?socket=/nobody",
                "kind": "libvirt",
                "private": False,
                "mark": "6b7a1c1e-2f0d-4d53-9d7e-3c2b6a9f0e11",
                "accelerated": False,
                "proxy_command": None,
                "prefix": "web-",
                "pool": "/nowhere",
                "boot": {},
                "domains": {"node1": "web-node1"},
            }
        )
    )
    assert describe(folder)["state"] == "unreachable"


@pytest.mark.parametrize("name", ["", ".", "..", "../labs", "/", "WEB"])
def test_words_that_lead_elsewhere_name_no_lab(folder: LabFolder, name: str) -> None:
    with pytest.raises(HalabError, match="no lab named"):
        down(name)
    assert folder.path.exists()


def test_a_lab_that_is_offered_and_not_there_is_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    down("active-passive")
    assert "nothing to remove" in capsys.readouterr().err


def test_a_lab_that_was_begun_is_removed_whatever_became_of_the_offered_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = tmp_path / "offered"
    offered.mkdir()
    (offered / "active-passive.toml").write_text("name =")
    monkeypatch.setattr("labs.loading.LABS", offered)
    folder = LabFolder.of("active-passive")
    folder.path.mkdir(parents=True)

    down("active-passive")

    assert not folder.path.exists()


def test_a_process_that_stays_is_named_and_the_command_fails(folder: LabFolder) -> None:
    follower = ["sh", "-c", "echo up; sleep 60; :", str(folder.hypervisor / "hypervisor.log")]
    with subprocess.Popen(follower, start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        # Its words stand in /proc only when it runs, a moment after Popen returns.
        process.stdout.readline()
        with pytest.raises(HalabError, match="still there") as error:
            down("web")
        os.killpg(process.pid, signal.SIGKILL)
    assert f"process {process.pid}" in str(error.value.detail)

"""The exam of a lab that somebody else works on does not take place, and says that alone."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli import exam
from cli.app import app
from cli.claims import CLAIM, Claim
from cli.locking import LabBusy, locked
from core.folders import LabFolder, state_folder
from drills.evidence import collect_evidence
from inventory.record import save


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have another command hold the lab `active-passive`; return a place for JUnit XML."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    lock = state_folder() / "locks" / "active-passive"
    lock.parent.mkdir(parents=True)
    monkeypatch.setattr(exam, "down", lambda _: pytest.fail("removed somebody's lab"))
    with lock.open("w") as holder:
        holder.write("pid 7")
        holder.flush()
        fcntl.flock(holder, fcntl.LOCK_EX)
        yield tmp_path / "exam.xml"


@pytest.mark.parametrize("begun", [True, False])
def test_a_busy_lab_is_the_only_reason(
    busy: Path, begun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(lab: str) -> None:
        with locked(lab):
            pytest.fail("built it all the same")

    monkeypatch.setattr(exam, "up", refused)
    if begun:
        LabFolder.of("active-passive").path.mkdir(parents=True)
    done = CliRunner().invoke(app, ["exam", "--junit", str(busy)])
    assert isinstance(done.exception, LabBusy) and "pid 7" in done.exception.message
    assert done.stdout == ""
    assert "pid 7" in busy.read_text()


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have no lab but what an exam makes, of paper; return what it does."""
    done: list[str] = []

    def up(lab: str) -> None:
        done.append(f"up {lab}")

    def down(name: str) -> None:
        done.append(f"down {name}")
        shutil.rmtree(LabFolder.of(name).path)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(exam, "up", up)
    monkeypatch.setattr(exam, "down", down)
    return done


def stand(*, keep: bool = False) -> bool:
    with exam._standing("web.toml", "web", keep, Console(quiet=True)) as built:
        return built


def leave(command: str) -> None:
    """Have a lab that a command of a process which has ended made."""
    folder = LabFolder.of("web")
    folder.path.mkdir(parents=True)
    save(folder.path / CLAIM, Claim(command=command, pid=2**22 + 1, started="1"))


def test_what_a_killed_exam_has_left_is_built_anew(alone: list[str]) -> None:
    leave("halab exam")
    assert stand()
    assert alone == ["down web", "up web.toml", "down web"]


def test_what_a_killed_exam_has_seen_fail_outlives_its_lab(alone: list[str]) -> None:
    leave("halab exam")
    collect_evidence(LabFolder.of("web"), None, "what failed before it was killed")
    assert stand()
    [kept] = LabFolder.of("web").evidence.iterdir()
    assert (kept / "why.txt").read_text() == "what failed before it was killed\n"


def test_what_another_command_has_left_is_examined_as_it_is(alone: list[str]) -> None:
    leave("halab test")
    assert not stand()
    assert alone == []


def test_what_was_to_stay_is_no_exam_that_was_killed(alone: list[str]) -> None:
    assert stand(keep=True)
    assert not stand()
    assert alone == ["up web.toml"]

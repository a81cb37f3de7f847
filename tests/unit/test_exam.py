"""The exam of a lab that somebody else works on does not take place, and says nothing else."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import exam
from cli.app import app
from cli.locking import LabBusy, locked
from core.folders import LabFolder, state_folder


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
    assert not busy.exists()

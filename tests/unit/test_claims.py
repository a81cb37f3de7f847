"""Labs that halab makes for itself: it takes away what it made, and nobody else's."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from cli import bench, testing
from cli.claims import Claim, check_removable, claim_on, claimed, take_over
from cli.locking import LabBusy, locked
from core.errors import HalabError
from core.folders import PROJECT, LabFolder
from core.processes import start_time
from drills.evidence import collect_evidence
from inventory.record import save


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def removed() -> list[str]:
    return []


def make(name: str, claim: Claim | None = None) -> LabFolder:
    """Make a lab, by hand or with the claim of a command."""
    folder = LabFolder.of(name)
    folder.path.mkdir(parents=True)
    if claim is not None:
        save(folder.path / "claim.json", claim)
    return folder


def of_dead_run(command: str) -> Claim:
    with subprocess.Popen(["/bin/true"]) as ended:
        pass
    return Claim(command=command, pid=ended.pid, started="1")


def test_what_was_made_is_taken_away(removed: list[str]) -> None:
    with claimed("exam", "halab exam", lambda: removed.append("exam"), keep=False) as ours:
        assert ours
    assert removed == ["exam"]


@pytest.mark.parametrize("end", [None, HalabError("up failed")])
def test_what_is_to_stay_stays_and_is_named(
    removed: list[str], capsys: pytest.CaptureFixture[str], end: HalabError | None
) -> None:
    with (
        suppress(HalabError),
        claimed("exam", "halab exam", lambda: removed.append("exam"), keep=True),
    ):
        if end is not None:
            raise end
    assert capsys.readouterr().out == "the lab stays: ./halab status exam, ./halab down exam\n"
    assert removed == []


def test_a_lab_that_was_there_is_not_said_to_stay(capsys: pytest.CaptureFixture[str]) -> None:
    make("mine")
    with claimed("mine", "halab exam", lambda: None, keep=True) as ours:
        assert not ours
    assert capsys.readouterr().out == ""


def test_it_is_taken_away_whatever_happened(removed: list[str]) -> None:
    with (
        pytest.raises(HalabError),
        claimed("exam", "halab exam", lambda: removed.append("exam"), keep=False),
    ):
        raise HalabError("up failed")
    assert removed == ["exam"]


def test_what_was_kept_of_failures_outlives_it(
    removed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for run in ("first", "second"):
        with claimed("exam", "halab exam", lambda: removed.append("exam"), keep=False):
            folder = LabFolder.of("exam")
            collect_evidence(folder, None, f"what failed in the {run} run")
            (folder.logs / "dashboard.png").touch()
        shutil.rmtree(folder.path)
        assert str(folder.evidence) in capsys.readouterr().err.replace("\n", "")
    [kept] = folder.evidence.iterdir()
    assert (kept / "why.txt").read_text() == "what failed in the second run\n"


def test_where_nothing_failed_nothing_stays(removed: list[str]) -> None:
    with claimed("exam", "halab exam", lambda: removed.append("exam"), keep=False):
        LabFolder.of("exam").logs.mkdir()
    assert not LabFolder.of("exam").evidence.exists()


def test_a_lab_that_was_there_stays(removed: list[str]) -> None:
    make("mine")
    with claimed("mine", "halab exam", lambda: removed.append("mine"), keep=False) as ours:
        assert not ours
    assert removed == []


def test_a_lab_that_somebody_made_meanwhile_stays(removed: list[str]) -> None:
    with claimed("exam", "halab exam", lambda: removed.append("exam"), keep=False):
        shutil.rmtree(LabFolder.of("exam").path)
        make("exam")
    assert removed == []


def test_a_lab_that_another_command_is_building_is_not_claimed(removed: list[str]) -> None:
    with (
        locked("exam"),
        pytest.raises(HalabError, match="another halab command"),
        claimed("exam", "halab exam", lambda: removed.append("exam"), keep=False),
    ):
        pytest.fail("claimed")
    assert removed == []
    assert not LabFolder.of("exam").path.exists()


def test_a_lock_that_ended_while_it_was_taken_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        (LabFolder.of("exam").path.parents[1] / "locks" / "exam").unlink()

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", slow)
    with pytest.raises(LabBusy, match="it ends at this moment"), locked("exam"):
        pytest.fail("locked what nobody else sees")


def test_up_by_hand_makes_it_the_persons_lab() -> None:
    make("selftest", of_dead_run("halab test"))
    take_over("selftest")
    assert claim_on("selftest") is None


def test_up_for_the_command_that_made_it_leaves_it_the_commands() -> None:
    # A command's `up` is its child.
    started = start_time(os.getppid())
    make("selftest", Claim(command="halab test", pid=os.getppid(), started=started))
    take_over("selftest")
    assert claim_on("selftest") is not None


def test_so_does_one_that_a_test_of_that_command_starts() -> None:
    # The command starts pytest, and a story starts `up`.
    make("selftest", Claim(command="halab test", pid=os.getpid(), started=start_time(os.getpid())))
    up = 'from cli.claims import take_over; take_over("selftest")'
    story = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-P', '-c', {up!r}], check=True)"
    )
    subprocess.run([sys.executable, "-P", "-c", story], check=True, cwd=PROJECT)
    assert claim_on("selftest") is not None


def test_what_a_killed_run_left_is_removed() -> None:
    make("selftest", of_dead_run("halab test"))
    assert check_removable("selftest", "halab test")


def test_nothing_is_removed_where_nothing_is() -> None:
    assert not check_removable("selftest", "halab test")


def test_another_run_at_work_is_not_disturbed() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        started = start_time(other.pid)
        make("selftest", Claim(command="halab test", pid=other.pid, started=started))
        with pytest.raises(HalabError, match=f"pid {other.pid}"):
            check_removable("selftest", "halab test")
        other.kill()


@pytest.mark.parametrize("damage", [None, "", "{"])
def test_a_persons_lab_of_the_tests_name_is_never_removed(
    damage: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make("selftest")
    if damage is not None:
        (folder.path / "claim.json").write_text(damage)
    monkeypatch.setattr(testing, "_check", lambda _: pytest.fail("a command was run"))
    monkeypatch.setattr(bench, "_halab", lambda *_: pytest.fail("a command was run"))

    with (
        pytest.raises(HalabError, match="did not make"),
        testing._lab("active-passive", "selftest", False, Console()),
    ):
        pytest.fail("tests began")
    with pytest.raises(HalabError, match="did not make"):
        bench.bench(failover=False)

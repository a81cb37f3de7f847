"""`heal` names what was left behind, asks, and runs what loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import heal
from cli.app import app
from core.folders import LabFolder
from status.collect import describe
from tests.unit.broken_lab import seen_by_cluster, situation
from tests.unit.healthy_lab import HEALTHY, INVENTORY, PARTS
from wire.pacemaker import Ban, FailCount, FenceEvent

BANNED = seen_by_cluster(
    bans=(
        Ban("cli-ban-service-on-node1", "service", "node1"),
        Ban("cli-ban-service-on-node2", "service", "node2"),
    ),
    fail_counts=(FailCount("web", "node1", "1", "3"),),
)


class Lab:
    """A lab that is read as a test says, and the commands that were run in it."""

    def __init__(self) -> None:
        self.now = BANNED
        self.ran: list[str] = []

    @contextmanager
    def observed(self, *_: Any) -> Iterator[Any]:
        read = describe(PARTS, self.now, None)
        yield SimpleNamespace(look=lambda: self.now, read=lambda: read)

    @contextmanager
    def remote(self, machine: Any) -> Iterator[Any]:
        yield SimpleNamespace(run=lambda command: self.ran.append(f"{machine.name}: {command}"))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    LabFolder.of("story").path.mkdir(parents=True)
    made = Lab()
    site = SimpleNamespace(inventory=INVENTORY, parts=PARTS, record=None)
    monkeypatch.setattr(heal, "running_lab", LabFolder.of)
    monkeypatch.setattr(heal, "Site", SimpleNamespace(of=lambda _: site))
    monkeypatch.setattr(heal, "heal_site", lambda *_: None)
    monkeypatch.setattr(heal, "Observer", made.observed)
    monkeypatch.setattr(heal, "Remote", made.remote)
    monkeypatch.setattr(heal, "wait_healthy", lambda *_: made.ran.append("healthy"))
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["heal", "story", *words])


def test_nothing_is_done_to_a_healthy_lab(lab: Lab) -> None:
    lab.now = HEALTHY
    done = run("--yes")
    assert (done.exit_code, lab.ran) == (0, [])
    assert done.stdout == "no drill has left anything in lab story\n"


def test_leftovers_are_cleaned_up_each_command_once(lab: Lab) -> None:
    assert run("--yes").exit_code == 0
    assert lab.ran == [
        "node1: crm_resource --resource service --clear",
        "node1: crm_resource --cleanup --resource web --node node1",
        "healthy",
    ]


def test_nobody_is_there_to_be_asked(lab: Lab) -> None:
    done = run()
    assert (done.exit_code, lab.ran) == (3, [])
    assert "node1: crm_resource --resource service --clear" in done.stdout
    assert "./halab heal story --yes runs them" in done.stdout


def test_what_could_lose_data_is_left_to_a_person(lab: Lab) -> None:
    failed = (FenceEvent("node2", "reboot", "failed", "t"),)
    lab.now = seen_by_cluster(seen=situation("unclean"), fence_events=failed)
    done = run("--yes")
    assert (done.exit_code, lab.ran) == (3, [])
    assert "stonith_admin --confirm node2" in done.stdout
    assert "only when node2 is surely off" in done.stdout

"""`update`: the plan first, and nothing done where that is all, or there is nothing to do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import update
from cli.app import app
from core.errors import HalabError
from core.folders import LabFolder
from status.collect import describe
from tests.unit.healthy_lab import HEALTHY, INVENTORY, PARTS
from updates.apt import Change
from updates.outage import Account, Silence
from updates.planning import Found, Turn
from updates.worker import Wanted

AGENTS = Change(name="resource-agents", old="1", new="2")


class Lab:
    """A lab whose nodes' apt offers `changes`; an update of it goes as a test says."""

    def __init__(self) -> None:
        self.changes: tuple[Change, ...] = (AGENTS,)
        self.account = Account((Silence("node2", "web", "192.0.2.10", 9.0, 40.0),), {})
        self.failure: HalabError | None = None
        self.interrupted = False
        self.taken: list[str] = []
        self.wanted: list[Wanted] = []

    def look(self, _: object, wanted: Wanted, *, back: bool) -> tuple[Found, ...]:
        self.wanted.append(wanted)
        changes = () if back else self.changes
        return tuple(Found(name, None, changes) for name in ("node1", "node2"))

    def rolling(self, *_: object) -> Any:
        def run(turns: tuple[Turn, ...]) -> Account:
            if self.interrupted:
                raise KeyboardInterrupt
            self.taken += [turn.node for turn in turns]
            return self.account

        return SimpleNamespace(run=run, failure=self.failure, place="node1, installing")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    LabFolder.of("story").path.mkdir(parents=True)
    made = Lab()
    site = SimpleNamespace(inventory=INVENTORY, parts=PARTS, folder=LabFolder.of("story"))
    monkeypatch.setattr(update, "Site", SimpleNamespace(of=lambda _: site))
    monkeypatch.setattr(update, "check_running", lambda _: None)
    monkeypatch.setattr(update, "look", made.look)
    monkeypatch.setattr(update, "collect", lambda _: describe(PARTS, HEALTHY, None))
    monkeypatch.setattr(update, "Rolling", made.rolling)
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["update", "story", *words])


def test_the_plan_comes_first_and_the_outage_last(lab: Lab) -> None:
    done = run()
    dc = describe(PARTS, HEALTHY, None).dc
    assert (done.exit_code, lab.taken[-1]) == (0, dc)
    assert sorted(lab.taken) == ["node1", "node2"]
    assert "  resource-agents 1 -> 2\n" in done.stdout
    assert done.stdout.endswith("node2: web at 192.0.2.10 was silent for 9.0 s of 40.0 s\n")


def test_a_dry_run_ends_with_the_plan(lab: Lab) -> None:
    done = run("--dry-run")
    assert (done.exit_code, lab.taken) == (0, [])
    assert "steps: standby, stop the cluster, install, start the cluster, online" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to update in lab story\n"),
        (("--rollback",), "no update left anything to roll back in lab story\n"),
    ],
)
def test_nothing_to_do_is_said(lab: Lab, words: tuple[str, ...], said: str) -> None:
    lab.changes = ()
    done = run(*words)
    assert (done.exit_code, done.stdout, lab.taken) == (0, said, [])


def test_packages_stand_between_commas(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "nginx.deb").touch()
    run("--packages", "nginx, resource-agents", "--from", str(tmp_path))
    assert lab.wanted == [Wanted(("nginx", "resource-agents"), False, tmp_path)]


@pytest.mark.parametrize(
    ("folder", "said"),
    [("empty", "holds no package"), ("none", "No such file"), ("file", "Not a directory")],
)
def test_a_folder_without_packages_is_said_before_a_node_is_asked(
    lab: Lab, tmp_path: Path, folder: str, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    done = run("--from", str(tmp_path / folder))
    assert said in str(done.exception)
    assert lab.wanted == []


@pytest.mark.parametrize("part", [("--security",), ("--packages", "nginx"), ("--from", ".")])
def test_a_rollback_is_of_everything(lab: Lab, part: tuple[str, ...]) -> None:
    done = run("--rollback", *part)
    assert done.exit_code == 2 and f"--rollback and {part[0]}" in done.output
    assert lab.wanted == []


def test_a_long_outage_is_an_exit_status(lab: Lab) -> None:
    lab.account = Account((Silence("node2", "web", "192.0.2.10", 90.0, 40.0),), {})
    done = run()
    assert done.exit_code == 3
    assert "clients waited longer" in done.stdout


def test_a_shut_gate_ends_it_with_what_clients_saw(lab: Lab) -> None:
    lab.failure = HalabError("the update stopped at node1")
    done = run()
    assert done.exception is lab.failure
    assert "was silent for 9.0 s" in done.stdout


def test_an_interruption_says_where_it_stands(lab: Lab) -> None:
    lab.interrupted = True
    assert "interrupted at node1, installing\n" in run().stdout

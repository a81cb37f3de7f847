"""`drills`, `drill` and `exam` know the faults of the lab that is named before they build one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import exam
from cli.app import app
from core.errors import HalabError
from core.folders import LabFolder
from drills.catalogue import catalogue
from drills.schedule import EXAM
from inventory.record import save
from tests.unit.sketched import BOOKS, STORY, TRIO

DEFINITION = """version = 1
name = "mine"
[nodes]
names = ["a", "b", "c"]
[services.web]
kind = "nginx"
runs = "everywhere"
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no labs, and nothing of a person's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def listed(*words: str) -> list[str]:
    done = run("drills", *words, "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["version"] == 1
    return [drill["name"] for drill in document["drills"]]


def test_without_a_name_they_are_those_of_the_usual_lab() -> None:
    assert listed() == listed("active-passive") == list(catalogue(STORY))


def test_a_lab_that_comes_with_halab() -> None:
    assert listed("active-active") == list(catalogue(TRIO))
    assert listed("database") == list(catalogue(BOOKS))


def test_a_definition_of_ones_own(state: Path) -> None:
    path = state / "mine.toml"
    path.write_text(DEFINITION)
    assert listed(str(path)) == list(catalogue(TRIO))


def test_a_person_reads_what_each_teaches() -> None:
    shown = " ".join(run("drills", "database").stdout.split())
    assert "service-killed active The service database dies" in shown
    assert "power-off active A node loses its power" in shown


def test_a_fault_that_the_lab_does_not_have_is_refused() -> None:
    folder = LabFolder.of("trio")
    folder.path.mkdir(parents=True)
    save(folder.inventory, TRIO.inventory)
    done = run("drill", "trio", "split-brain")
    assert isinstance(done.exception, HalabError)
    assert done.exception.message == "lab 'trio' has no fault that is called 'split-brain'"


class Built:
    """What an exam would have built and run."""

    def __init__(self) -> None:
        self.up: list[str] = []
        self.names: list[str] = []

    def turns(self, *words: Any, **_: Any) -> tuple[()]:
        self.names = [turn.drill.name for turn in words[1]]
        return ()


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    made = Built()

    def up(lab: str) -> None:
        made.up.append(lab)
        folder = LabFolder.of("active-active")
        folder.path.mkdir(parents=True, exist_ok=True)

    class Site:
        folder, parts = None, TRIO

        @classmethod
        def of(cls, _: LabFolder) -> Site:
            return cls()

    monkeypatch.setattr(exam, "up", up)
    monkeypatch.setattr(exam, "down", lambda _: None)
    monkeypatch.setattr(exam, "Site", Site)
    monkeypatch.setattr(exam, "can_reset", lambda _: False)
    monkeypatch.setattr(exam, "run_series", made.turns)
    return made


def test_an_exam_of_what_the_lab_cannot_do_builds_nothing(built: Built) -> None:
    done = run("exam", "active-active", "--faults", "power-off, split-brain")
    assert isinstance(done.exception, HalabError)
    assert "no fault that is called 'split-brain'" in done.exception.message
    assert built.up == []


def test_an_exam_asks_what_the_lab_can_do(built: Built, tmp_path: Path) -> None:
    report = tmp_path / "exam.xml"
    done = run("exam", "active-active", "--junit", str(report))
    assert built.up == ["active-active"]
    assert built.names == [name for name in EXAM if name in catalogue(TRIO)]
    assert done.exit_code == 3
    assert "the exam ended before" in report.read_text()

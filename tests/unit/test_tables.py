"""A terminal may be narrow: what has to be typed can still be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from core.folders import LabFolder
from drills.catalogue import catalogue
from labs.loading import available
from tests.unit.sketched import STORY


def first_column(command: str, second: str) -> str:
    """Return all of a command's first column, up to where its second begins, in a line."""
    lines = CliRunner().invoke(app, [command]).stdout.splitlines()
    assert not any("…" in line for line in lines)
    width = next(line.index(second) for line in lines if second in line)
    return "".join(line[:width].strip() for line in lines)


@pytest.fixture(autouse=True)
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a phone, and have two labs."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("web", "a-lab-whose-name-is-long"):
        LabFolder.of(name).path.mkdir(parents=True)


def test_faults_are_named_in_full() -> None:
    column = first_column("drills", "hits")
    assert [name for name in catalogue(STORY) if name not in column] == []


def test_labs_are_named_in_full() -> None:
    column = first_column("labs", "what")
    assert [offer.name for offer in available() if offer.name not in column] == []


def test_labs_that_were_built_are_named_in_full() -> None:
    column = first_column("list", "stat")
    assert "a-lab-whose-name-is-long" in column
    assert "web" in column

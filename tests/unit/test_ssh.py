"""`halab ssh` gives a command what it needs to draw, where somebody looks at it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import ssh as module
from core.folders import LabFolder
from tests.unit.provisioned_lab import inventory


def words(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *command: str, terminals: set[str]
) -> list[str]:
    """Return what `halab ssh NAME node1 -- COMMAND` starts where these streams are terminals."""
    started: list[str] = []
    for name in ("stdin", "stdout"):
        stream = SimpleNamespace(isatty=lambda name=name: name in terminals)
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(module, "running_lab", lambda _: LabFolder(folder))
    monkeypatch.setattr(module, "load_inventory", lambda _: inventory())
    monkeypatch.setattr(module, "write_config", lambda *_: "/lab/config")
    monkeypatch.setattr(module, "become", started.extend)
    context: Any = SimpleNamespace(args=list(command))
    module.ssh(context, "demo", "node1")
    return started


def test_a_command_has_a_terminal_where_a_person_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = words(monkeypatch, tmp_path, "crm_mon", terminals={"stdin", "stdout"})
    assert found == ["ssh", "-F", "/lab/config", "-t", "node1", "crm_mon"]


@pytest.mark.parametrize("terminals", [{"stdin"}, {"stdout"}, set[str]()])
def test_what_a_program_reads_or_writes_goes_through_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminals: set[str]
) -> None:
    """With a terminal in between, ends of lines would be others."""
    found = words(monkeypatch, tmp_path, "cat", "/etc/hosts", terminals=terminals)
    assert found == ["ssh", "-F", "/lab/config", "node1", "cat", "/etc/hosts"]

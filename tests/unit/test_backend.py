"""Pulumi's files come back from what implies them, whatever a crash cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.folders import LabFolder
from infra.backend import META, SECRET, Backend

SALT = "v1:abc=:v1:def:ghi=="
PASSPHRASE = "p" * 32


def checkpoint(*names: str, secret: bool = False) -> str:
    """Return a state that knows these resources; the last of them may hold a secret."""
    resources: list[dict[str, Any]] = [{"urn": name, "inputs": {}} for name in names]
    if secret:
        resources[-1]["inputs"] = {"secrets": {SECRET: "1b47", "ciphertext": "v1:xyz"}}
    latest = {
        "resources": resources,
        "secrets_providers": {"type": "passphrase", "state": {"salt": SALT}},
    }
    return json.dumps({"version": 3, "checkpoint": {"stack": "demo", "latest": latest}})


class Stack:
    """A lab's Pulumi folder as an `up` leaves it."""

    def __init__(self, folder: LabFolder) -> None:
        self.backend = Backend(folder)
        root = folder.pulumi / ".pulumi"
        self.files = {
            "state": self.backend.state,
            "backup": self.backend.state.with_suffix(".json.bak"),
            "history": root / "history" / "halab" / "demo" / "demo-17.history.json",
            "checkpoint": root / "history" / "halab" / "demo" / "demo-17.checkpoint.json",
            "attributes": root / "meta.yaml.attrs",
            "meta": root / "meta.yaml",
            "settings": self.backend.settings,
            "passphrase": self.backend.passphrase,
        }
        self.whole = {
            "state": checkpoint("network", "software", secret=True),
            "backup": checkpoint("network"),
            "history": "{}",
            "checkpoint": checkpoint("network", "older"),
            "attributes": "{}",
            "meta": META,
            "settings": f"encryptionsalt: {SALT}\n",
            "passphrase": PASSPHRASE,
        }
        for name, path in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.whole[name])

    def known(self) -> list[str]:
        """Return the resources in the state as it stands on the disk."""
        latest = json.loads(self.backend.state.read_text())["checkpoint"]["latest"]
        return [resource["urn"] for resource in latest["resources"]]


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A lab's Pulumi folder."""
    return Stack(LabFolder(tmp_path / "demo"))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: list[Callable[[Path], None]] = [empty, halve, Path.unlink]


def test_a_whole_backend_is_left_as_it_is(stack: Stack) -> None:
    said: list[str] = []
    stack.backend.mend(said.append)
    assert said == []
    assert {name: path.read_text() for name, path in stack.files.items()} == stack.whole


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_state_comes_from_its_backup(stack: Stack, damage: Callable[[Path], None]) -> None:
    damage(stack.backend.state)
    stack.backend.mend()
    assert stack.known() == ["network"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_or_from_the_history(stack: Stack, damage: Callable[[Path], None]) -> None:
    for name in ("state", "backup"):
        damage(stack.files[name])
    stack.backend.mend()
    assert stack.known() == ["network", "older"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_nobody_kept_is_a_new_stack(stack: Stack, damage: Callable[[Path], None]) -> None:
    for name in ("state", "backup", "checkpoint"):
        damage(stack.files[name])
    stack.backend.mend()
    assert not stack.backend.state.exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_settings_follow_from_the_state(stack: Stack, damage: Callable[[Path], None]) -> None:
    for name in ("meta", "settings"):
        damage(stack.files[name])
    stack.backend.mend()
    assert stack.files["meta"].read_text() == META
    assert stack.files["settings"].read_text() == f"encryptionsalt: {SALT}\n"


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_lost_passphrase_encrypted_is_made_again(
    stack: Stack, damage: Callable[[Path], None]
) -> None:
    damage(stack.backend.passphrase)
    said: list[str] = []
    stack.backend.mend(said.append)
    assert "passphrase" in said[0]
    assert stack.known() == ["network"]
    assert len(stack.backend.passphrase.read_text()) == len(PASSPHRASE)
    assert not stack.backend.settings.exists()
    # Once: the next run finds a whole backend.
    stack.backend.mend(said.append)
    assert len(said) == 1


def test_damaged_history_and_attributes_go_away(stack: Stack) -> None:
    for name in ("history", "attributes"):
        halve(stack.files[name])
        stack.backend.mend()
        assert not stack.files[name].exists()


def test_a_new_lab_gets_a_passphrase_and_nothing_else(tmp_path: Path) -> None:
    folder = LabFolder(tmp_path / "demo")
    Backend(folder).mend()
    (made,) = [path for path in folder.path.rglob("*") if path.is_file()]
    assert made == Backend(folder).passphrase
    assert made.stat().st_mode & 0o777 == 0o600

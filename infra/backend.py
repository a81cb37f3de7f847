"""Pulumi's files of a lab: made whole again where a crash of this machine cut them off.

Pulumi writes them in place and does not sync them. What is lost comes back from what implies it:
the state from the copy that Pulumi keeps of the one before, its settings from the state.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.files import write_file
from core.folders import LabFolder
from core.saying import Say

META = "version: 1\n"
"""What Pulumi notes about its backend: how the files in it are arranged."""

PASSPHRASE_BYTES = 24

SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks an encrypted value in its state (its sdk, resource.SigKey)."""


class Backend:
    """The files in which Pulumi keeps one lab's stack."""

    def __init__(self, folder: LabFolder) -> None:
        self._lab = folder.name
        self._root = folder.pulumi / ".pulumi"
        self.passphrase = folder.pulumi / "passphrase"
        self.settings = folder.pulumi / "stack.yaml"

    @property
    def state(self) -> Path:
        """The stack's state, a checkpoint in Pulumi's words."""
        return self._root / "stacks" / "halab" / f"{self._lab}.json"

    def secrets_provider(self) -> dict[str, Any]:
        """Return how the stack's state says by what it is encrypted; empty before there is one."""
        for line in _text(self.settings).splitlines():
            key, _, salt = line.partition(": ")
            if key == "encryptionsalt":
                return {"type": "passphrase", "state": {"salt": salt.strip()}}
        return {}

    def mend(self, report: Say = lambda _: None) -> None:
        """Make everything readable that can be; `report` hears of what was lost."""
        for path in self._damaged():
            path.unlink()
        if self._root.is_dir():
            meta = self._root / "meta.yaml"
            if _text(meta) != META:
                write_file(meta, META)
        state = self._mend_state(report)
        if len(_text(self.passphrase)) != len(_new_passphrase()):
            write_file(self.passphrase, _new_passphrase())
            if state is not None:
                report("Pulumi's passphrase is lost: what it encrypted is made again")
                state = self._without_secrets(state)
                self.settings.unlink(missing_ok=True)
        if state is not None:
            self._mend_settings(state)

    def _damaged(self) -> Iterator[Path]:
        """Yield files that Pulumi stumbles over and can do without: history, attributes."""
        for pattern in ("history/**/*.json", "**/*.attrs"):
            for path in self._root.glob(pattern):
                if _read(path) is None:
                    yield path

    def _mend_state(self, report: Say) -> dict[str, Any] | None:
        """Return the stack's state, from an older copy where it is damaged; None without any."""
        state = _checkpoint(self.state)
        if state is not None:
            return state
        history = self._root.glob(f"history/**/{self._lab}-*.checkpoint.json")
        newest = sorted(history, key=lambda path: path.name, reverse=True)
        for copy in (self.state.with_suffix(".json.bak"), *newest):
            state = _checkpoint(copy)
            if state is not None:
                report(f"Pulumi's state is damaged: going on from {copy.name}")
                write_file(self.state, copy.read_bytes())
                return state
        self.state.unlink(missing_ok=True)
        return None

    def _without_secrets(self, state: dict[str, Any]) -> dict[str, Any]:
        """Drop what cannot be decrypted any more; the next `up` makes it again."""
        latest = state["checkpoint"]["latest"]
        latest.pop("secrets_providers", None)
        latest.pop("pending_operations", None)
        latest["resources"] = [
            resource
            for resource in latest.get("resources", [])
            if SECRET not in json.dumps(resource)
        ]
        write_file(self.state, json.dumps(state))
        return state

    def _mend_settings(self, state: dict[str, Any]) -> None:
        """Note the salt by which the state is encrypted where Pulumi looks for it."""
        providers = state["checkpoint"]["latest"].get("secrets_providers") or {}
        salt = (providers.get("state") or {}).get("salt")
        line = f"encryptionsalt: {salt}"
        if salt and line not in _text(self.settings).splitlines():
            write_file(self.settings, f"{line}\n")


def _new_passphrase() -> str:
    return secrets.token_urlsafe(PASSPHRASE_BYTES)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _read(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError:
        return None


def _checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint; None when it is damaged, or from before the stack held anything."""
    found = _read(path)
    try:
        return found if isinstance(found["checkpoint"]["latest"], dict) else None
    except (TypeError, KeyError):
        return None

"""Packages for AWS: installed once, where nothing but labs on AWS finds them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from core.errors import CommandError
from core.folders import PROJECT
from hypervisor import extras


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "sync", lambda: None)
    return tmp_path / "halab"


def test_they_are_installed_once_by_the_hashes_of_the_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[list[str]] = []

    def pip(command: list[str | Path], **_: Any) -> None:
        ran.append([str(word) for word in command])
        Path(command[command.index("--target") + 1], "pulumi_aws").mkdir()

    monkeypatch.setattr(extras, "run", pip)
    said: list[str] = []

    first, again = extras.ensure_extras(said.append), extras.ensure_extras(said.append)

    assert first == again == extras.extras_folder()
    assert (first / "pulumi_aws").is_dir()
    assert len(ran) == len(said) == 1
    assert "--require-hashes" in ran[0]


def test_what_a_crash_cut_off_is_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(command: list[str | Path], **_: Any) -> None:
        Path(command[command.index("--target") + 1], "boto3.py").write_text("whole")

    monkeypatch.setattr(extras, "run", pip)
    folder = extras.extras_folder()
    folder.mkdir(parents=True)
    (folder / "boto3.py").write_text("")

    extras.ensure_extras(lambda _: None)

    assert (folder / "boto3.py").read_text() == "whole"


def test_they_are_ready_only_once_they_are_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def sync() -> None:
        seen.extend(str(path) for path in extras.extras_folder().parent.rglob(extras.READY))
        seen.append("synced")

    monkeypatch.setattr(extras, "run", lambda *_, **__: None)
    monkeypatch.setattr(os, "sync", sync)

    extras.ensure_extras(lambda _: None)

    assert seen == ["synced"]
    assert (extras.extras_folder() / extras.READY).exists()


def test_what_failed_leaves_nothing_behind(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(command: list[str | Path], *, hint: str, **_: Any) -> None:
        raise CommandError("pip", status=1, stderr="no such version", hint=hint)

    monkeypatch.setattr(extras, "run", pip)

    with pytest.raises(CommandError) as caught:
        extras.ensure_extras(lambda _: None)

    # As the manual has it for halab's own packages.
    remedies = re.findall(r"(?:PIP_\w+=\w+|https_proxy)", caught.value.hint or "")
    manual = (PROJECT / "docs/troubleshooting.md").read_text()
    (told,) = (part for part in manual.split("\n\n") if "`installing Python packages" in part)
    assert remedies
    assert all(f"`{remedy}`" in told for remedy in remedies)

    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_halab_s_own_packages_know_nothing_of_aws_and_none_is_locked_twice() -> None:
    def names(lock: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+)==", (PROJECT / lock).read_text(), re.MULTILINE))

    own, extra = names("requirements.lock"), names("requirements-aws.lock")

    assert "pulumi-aws" in extra - own
    # boto3 takes no newer one; what else is there would stand before halab's own.
    assert own & extra == {"python-dateutil"}

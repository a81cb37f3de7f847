"""What a lab keeps is whole after a crash: the old file or the new one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from core.files import write_file
from core.folders import PROJECT


def test_the_content_its_mode_and_the_folders_on_the_way_are_made(tmp_path: Path) -> None:
    path = tmp_path / "lab" / "record.json"
    write_file(path, "one")
    assert path.read_text() == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_file(path, b"two", mode=0o644)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_full_disk_keeps_the_old_file_and_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_file(path, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_are_on_the_disk_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, replace = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        seen.append(f"{kind} synced")
        sync(descriptor)

    def note_replace(old: str, new: Path) -> None:
        seen.append("renamed")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_file(tmp_path / "record.json", "text")
    assert seen == ["file synced", "renamed", "folder synced"]


def test_no_other_module_writes_a_labs_files_in_its_own_way() -> None:
    # What a person wants to have goes where he says, which may be a pipe; images, toolchain and
    # the provider's trimmed sources are made in drafts of whole folders; programs for guests carry
    # no core module with them.
    allowed = {
        "hypervisor/image.py",
        "hypervisor/recipe/boot_kernel.py",  # runs in a guest, where halab is not
        "hypervisor/trimming.py",
        "hypervisor/vendor.py",
        "core/files.py",
        "core/places.py",
    }
    packages = (
        "core",
        "labs",
        "inventory",
        "status",
        "infra",
        "hypervisor",
        "drills",
        "updates",
        "cli",
    )
    found = {
        str(path.relative_to(PROJECT))
        for package in packages
        for path in (PROJECT / package).rglob("*.py")
        if ".write_text(" in path.read_text() or ".write_bytes(" in path.read_text()
    }
    assert found <= allowed, f"write_file is the one way: {found - allowed}"


def test_a_place_that_cannot_be_written_is_called_as_a_person_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**words: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), f"{tmp_path}/.x.new")

    monkeypatch.setattr("core.files.tempfile.mkstemp", refuse)
    with pytest.raises(OSError) as caught:
        write_file(tmp_path / "my.svg", "x")
    assert caught.value.filename == str(tmp_path / "my.svg")

"""What the operating system refuses is one sentence with the path and a way out."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from cli.papers import writing
from core import wording
from core.errors import HalabError
from core.files import write_file
from core.folders import cache_folder, state_folder
from core.wording import worded


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, name in (("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("TMPDIR", "/nowhere/tmp")


@pytest.mark.parametrize(
    ("place", "number", "hint"),
    [
        ("state", errno.EACCES, "check its owner and mode, or set XDG_STATE_HOME to a folder"),
        ("state", errno.ENOTDIR, "a file is in the way: move it, or set XDG_STATE_HOME"),
        ("cache", errno.EROFS, "choose a place that can be written, or set XDG_CACHE_HOME"),
        ("cache", errno.ENOSPC, "free some space there, or set XDG_CACHE_HOME"),
        ("cache", errno.ENAMETOOLONG, "use shorter names, or set XDG_CACHE_HOME"),
        ("elsewhere", errno.EACCES, "check its owner and mode"),
        ("elsewhere", errno.EROFS, "name a place that can be written"),
        ("elsewhere", errno.ENOENT, "check how it is spelt"),
        ("elsewhere", errno.ENOTDIR, "a folder is wanted where a file stands: name another path"),
        ("elsewhere", errno.EMFILE, "allow more open files"),
        ("elsewhere", errno.ELOOP, "look at that path"),
    ],
)
def test_the_path_and_the_variable_that_leads_there(
    tmp_path: Path, place: str, number: int, hint: str
) -> None:
    path = tmp_path / place / "x"
    said = worded(OSError(number, os.strerror(number), str(path)))
    assert said.message == f"{path}: {os.strerror(number)}"
    assert str(said.hint).startswith(hint)
    assert ("XDG" in str(said.hint)) == (place != "elsewhere")


@pytest.mark.parametrize("number", wording.OF_NAMED)
def test_what_a_person_has_is_not_to_be_moved_or_made_for_him(number: int) -> None:
    hint = worded(OSError(number, os.strerror(number), "lab.toml")).hint or ""
    assert not {"move", "make", "set"} & set(hint.split())


def test_nobody_has_heard_of_a_draft(tmp_path: Path) -> None:
    (tmp_path / "picture.svg").mkdir()
    with pytest.raises(OSError) as caught:
        write_file(tmp_path / "picture.svg", "a picture")
    said = worded(caught.value)
    assert said.message == f"{tmp_path}/picture.svg: Is a directory"
    assert said.hint == "it is a folder: name a file, for instance one in it"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_no_variable_leads_to_what_a_person_wanted_to_have(tmp_path: Path, number: int) -> None:
    """Not even where that is in a folder of halab's, or on its full disk."""
    wanted = tmp_path / "state" / "report.html"
    with pytest.raises(HalabError) as caught, writing(wanted):
        raise OSError(number, os.strerror(number))
    assert caught.value.message == f"cannot write {wanted}: {os.strerror(number)}"
    assert caught.value.hint == wording.OF_NAMED[number]


def test_writing_to_a_full_disk_names_no_path_so_the_full_disk_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wording, "_free", lambda folder: 0 if folder.name == "cache" else 1 << 40)
    said = worded(OSError(errno.ENOSPC, "No space left on device"))
    assert said.message == f"{tmp_path / 'cache'}: No space left on device"
    assert "XDG_CACHE_HOME" in str(said.hint)


def test_a_copy_that_failed_names_where_it_went(tmp_path: Path) -> None:
    target = str(tmp_path / "state" / "copy")
    said = worded(shutil.Error([("/from", target, "[Errno 28] No space left on device")]))
    assert target in said.message


def test_a_current_folder_that_is_gone() -> None:
    said = worded(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    assert "current folder" in said.message


def test_no_place_for_temporary_files() -> None:
    said = worded(FileNotFoundError(errno.ENOENT, "No usable temporary directory found in [...]"))
    assert "temporary directory" in said.message
    assert "TMPDIR" in str(said.hint)


@pytest.mark.parametrize("value", ["relative", "", "./x", "~/x"])
def test_a_place_that_is_no_absolute_path_is_ignored(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("XDG_STATE_HOME", value)
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert state_folder() == Path("/home/ann/.local/state/halab")
    assert cache_folder() == Path("/home/ann/.cache/halab")


@pytest.mark.parametrize("name", ["new\nline", "tab\there", "${HOME}", "j\udcfcrgen"])
def test_a_place_that_programs_cannot_be_given_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"/home/{name}")
    with pytest.raises(HalabError) as refused:
        state_folder()
    assert refused.value.message.isprintable()
    assert refused.value.hint == "set XDG_STATE_HOME to another folder"


def test_a_cache_whose_programs_no_path_could_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/a:b")
    with pytest.raises(HalabError, match="separates the folders in PATH"):
        cache_folder()

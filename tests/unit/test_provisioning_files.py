"""Files arrive whole, with mode and owner, and only when something differs."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from core.errors import CommandError
from parts.host import Edit, File, Folder, Link
from provisioning.files import ensure_files
from tests.unit.provisioned_lab import this_machine

OWNER = f"{pwd.getpwuid(os.getuid()).pw_name}:{grp.getgrgid(os.getgid()).gr_name}"


def wanted(path: Path, content: str = "text\n", mode: int = 0o640) -> File:
    return File(str(path), content, mode=mode, owner=OWNER)


def test_a_file_is_written_once_and_then_left_alone(tmp_path: Path) -> None:
    file = wanted(tmp_path / "new" / "folder" / "file")

    assert ensure_files(this_machine(), [file]) == {file.path}
    assert Path(file.path).read_text() == "text\n"
    assert Path(file.path).stat().st_mode & 0o7777 == 0o640
    inode = Path(file.path).stat().st_ino

    assert ensure_files(this_machine(), [file]) == frozenset()
    assert Path(file.path).stat().st_ino == inode
    assert [entry.name for entry in Path(file.path).parent.iterdir()] == ["file"]


@pytest.mark.parametrize("change", ["content", "mode"])
def test_what_differs_is_written_again(tmp_path: Path, change: str) -> None:
    same, other = wanted(tmp_path / "same"), wanted(tmp_path / "other")
    ensure_files(this_machine(), [same, other])
    if change == "content":
        Path(other.path).write_text("somebody was here\n")
    else:
        Path(other.path).chmod(0o666)

    assert ensure_files(this_machine(), [same, other]) == {other.path}
    assert Path(other.path).read_text() == "text\n"
    assert Path(other.path).stat().st_mode & 0o7777 == 0o640


def test_what_cannot_be_written_is_said_in_a_sentence_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(CommandError) as caught:
        ensure_files(this_machine(), [wanted(tmp_path / "taken")])
    assert caught.value.detail is not None
    assert "taken cannot be written: " in caught.value.detail
    assert "Traceback" not in caught.value.detail
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_binary_content_survives(tmp_path: Path) -> None:
    content = bytes(range(256))
    ensure_files(this_machine(), [File(str(tmp_path / "key"), content, owner=OWNER)])
    assert (tmp_path / "key").read_bytes() == content


def test_a_link_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("text\n")
    (tmp_path / "file").symlink_to(precious)

    assert ensure_files(this_machine(), [wanted(tmp_path / "file", "other\n")])
    assert precious.read_text() == "text\n"
    assert not (tmp_path / "file").is_symlink()


def test_a_seed_never_replaces_what_grew_from_it(tmp_path: Path) -> None:
    seed = File(str(tmp_path / "cib.xml"), "seed", owner=OWNER, once=True)
    assert ensure_files(this_machine(), [seed])
    (tmp_path / "cib.xml").write_text("grown")

    assert not ensure_files(this_machine(), [seed])
    assert (tmp_path / "cib.xml").read_text() == "grown"


CHECK = 'if grep nonsense "$1"; then echo "line 1: what is this?"; exit 1; fi'


def test_what_fails_its_check_replaces_nothing_and_nothing_else_is_written(tmp_path: Path) -> None:
    good = File(str(tmp_path / "server.conf"), "sense\n", owner=OWNER, check=CHECK)
    assert ensure_files(this_machine(), [good]) == {good.path}
    bad = File(good.path, "nonsense\n", owner=OWNER, check=CHECK)
    with pytest.raises(CommandError) as caught:
        ensure_files(this_machine(), [wanted(tmp_path / "another"), bad])
    assert "line 1: what is this?" in str(caught.value.detail)
    assert f"{good.path} stays as it is" in str(caught.value.detail)
    assert Path(good.path).read_text() == "sense\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["server.conf"]


def test_what_is_right_already_is_not_checked(tmp_path: Path) -> None:
    file = File(str(tmp_path / "file"), "text\n", owner=OWNER, check="false")
    Path(file.path).write_text("text\n")
    Path(file.path).chmod(file.mode)
    assert ensure_files(this_machine(), [file]) == frozenset()


def test_a_folder_is_made_once_and_what_it_holds_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "srv" / "data"))
    assert ensure_files(this_machine(), [folder]) == {folder.path}
    (Path(folder.path) / "precious").write_text("text")
    Path(folder.path).chmod(0o700)

    assert ensure_files(this_machine(), [folder]) == frozenset()
    assert (Path(folder.path) / "precious").read_text() == "text"
    assert Path(folder.path).stat().st_mode & 0o777 == 0o700


def test_links_are_made_once_and_corrected(tmp_path: Path) -> None:
    link = Link(str(tmp_path / "wants" / "a.service"), "/usr/lib/systemd/system/a.service")
    assert ensure_files(this_machine(), [link]) == {link.path}
    assert ensure_files(this_machine(), [link]) == frozenset()

    os.unlink(link.path)
    os.symlink("/elsewhere", link.path)
    assert ensure_files(this_machine(), [link]) == {link.path}
    assert os.readlink(link.path) == link.target


def test_a_corrected_copy_follows_its_source(tmp_path: Path) -> None:
    (tmp_path / "stock").write_text("one\ntwo\nthree\n")
    copy = File(
        str(tmp_path / "corrected"),
        "",
        owner=OWNER,
        source=str(tmp_path / "stock"),
        edits=(Edit("two\n", "2\n"),),
    )
    assert ensure_files(this_machine(), [copy])
    assert (tmp_path / "corrected").read_text() == "one\n2\nthree\n"
    assert not ensure_files(this_machine(), [copy])

    (tmp_path / "stock").write_text("one\ntwo\nfour\n")
    assert ensure_files(this_machine(), [copy])
    assert (tmp_path / "corrected").read_text() == "one\n2\nfour\n"


@pytest.mark.parametrize("stock", ["one\n", "two\ntwo\n"])
def test_a_source_that_the_correction_does_not_know_is_an_error(tmp_path: Path, stock: str) -> None:
    (tmp_path / "stock").write_text(stock)
    copy = File(
        str(tmp_path / "corrected"),
        "",
        owner=OWNER,
        source=str(tmp_path / "stock"),
        edits=(Edit("two\n", "2\n"),),
    )
    with pytest.raises(CommandError, match="not the file this correction is for"):
        ensure_files(this_machine(), [copy])
    assert not (tmp_path / "corrected").exists()


def test_secret_content_is_not_shown() -> None:
    assert "hush" not in repr(File("/etc/key", "hush"))

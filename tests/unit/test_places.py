"""What a person wants to have goes where he says, and replaces nothing but a file."""

from __future__ import annotations

import errno
import os
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import transfer
from cli.app import app
from cli.choosing import existing_lab
from core.errors import HalabError
from core.places import write_out
from drills.history import strands
from drills.report import write_history, write_report, write_summary
from tests.unit.sample_drill import power_off
from tests.unit.test_transfer import TRIO, Labs

Writer = Callable[[Path], object]


def shown(path: Path) -> None:
    done = CliRunner().invoke(app, ["show", "active-passive", "--to", str(path)])
    if done.exception is not None:
        raise done.exception


WRITERS: dict[str, Writer] = {
    "text": lambda path: write_out(path, "<html>"),
    "picture": shown,
    "report": lambda path: write_report(power_off(), path),
    "summary": lambda path: write_summary([power_off()], path),
    "history": lambda path: write_history(strands([power_off()]), (), path),
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Writer:
    return WRITERS[request.param]


@pytest.mark.parametrize("there", [False, True])
def test_a_link_stays_and_what_it_leads_to_is_written(
    write: Writer, there: bool, tmp_path: Path
) -> None:
    target, link = tmp_path / "of-today.svg", tmp_path / "latest.svg"
    if there:
        target.write_text("of yesterday")
    link.symlink_to(target.name)
    write(link)
    assert link.is_symlink()
    assert "<" in target.read_text()


def test_what_is_no_file_is_written_to(write: Writer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    holder = os.open(pipe, os.O_WRONLY)
    os.set_blocking(reader, True)
    with ThreadPoolExecutor(1) as pool, open(reader) as stream:
        read = pool.submit(stream.read)
        try:
            write(pipe)
        finally:
            # Where nothing was written, the reader finds the end all the same.
            os.close(holder)
        assert "<" in read.result(timeout=60)
    assert pipe.is_fifo()


def test_a_folder_is_refused(write: Writer, tmp_path: Path) -> None:
    folder = tmp_path / "folder.svg"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        write(folder)
    assert folder.is_dir()


def test_a_full_disk_leaves_the_one_before(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "page.svg"
    path.write_text("of yesterday")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path)
    assert path.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a lab `course`; return a folder for its exports."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    labs = Labs(tmp_path)
    labs.add("course", TRIO, "active-active")
    monkeypatch.setattr(transfer, "collect", labs.collect)
    monkeypatch.setattr(transfer, "running_lab", existing_lab)
    return labs.on("exports")


def test_an_export_goes_where_a_link_leads(course: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest.halab"
    link.symlink_to(course / "course.halab")
    assert CliRunner().invoke(app, ["export", "course", str(link)]).exit_code == 0
    assert link.is_symlink()
    assert tarfile.is_tarfile(course / "course.halab")
    assert [path.name for path in course.iterdir()] == ["course.halab"]


def test_an_export_replaces_nothing_but_a_file(course: Path) -> None:
    pipe = course / "pipe"
    os.mkfifo(pipe)
    done = CliRunner().invoke(app, ["export", "course", str(pipe)])
    assert isinstance(done.exception, HalabError)
    assert done.exception.message == f"{pipe} is a device or a pipe; an export is one file"
    assert pipe.is_fifo()

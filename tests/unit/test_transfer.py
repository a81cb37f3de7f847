"""What a lab's clients have written goes into a file, and from there into another lab."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import transfer
from cli.app import app
from cli.choosing import existing_lab
from cli.exports import DATA, Manifest, opened
from core.errors import CommandError, HalabError
from core.folders import PROJECT, LabFolder
from inventory.record import save
from labs.loading import load
from parts.all import Parts
from parts.services.folder import archived, replaced
from status.collect import describe
from tests.unit.broken_lab import broken
from tests.unit.healthy_lab import healthy
from tests.unit.planned_lab import OFFERED, planned

WEB, BOOKS, TRIO = (
    planned(name, accelerated=True) for name in ("active-passive", "database", "active-active")
)


class Labs:
    """Labs whose nodes are folders here: `on` is where each has its data mounted."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.built: list[str] = []
        self.commands: list[str] = []
        self.nodes = 1

    def on(self, lab: str) -> Path:
        path = self.tmp_path / "nodes" / lab
        path.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, name: str, inventory: Any = WEB, definition: str = "active-passive") -> None:
        folder = LabFolder.of(name)
        folder.path.mkdir(parents=True)
        save(folder.inventory, inventory.model_copy(update={"lab": name}))
        text = (PROJECT / "labs" / f"{definition}.toml").read_text()
        own = text.replace(f'name = "{definition}"', f'name = "{name}"', 1)
        folder.definition.write_text(own)

    def up(self, path: str) -> None:
        name = Path(path).stem
        self.built.append(name)
        if not LabFolder.of(name).path.exists():
            self.add(name)

    def collect(self, inventory: Any) -> Any:
        seen = healthy(Parts(inventory))
        if not self.nodes:
            seen = broken("node1", seen=seen, addresses=frozenset())
        return describe(Parts(inventory), seen, None)

    def run(
        self, folder: LabFolder, node: str, command: str, *, stdin: Any = None, stdout: Any = None
    ) -> None:
        self.commands.append(f"{folder.name} {node}: {command}")
        here = command.replace("/srv/data", str(self.on(folder.name)))
        words = ["bash", "-c", f"set -o pipefail; {here}"]
        done = subprocess.run(words, stdin=stdin, stdout=stdout, check=False)
        if done.returncode:
            raise CommandError(command, status=done.returncode, host=node)


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Labs:
    made = Labs(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(transfer, "collect", made.collect)
    monkeypatch.setattr(transfer, "running_lab", existing_lab)
    monkeypatch.setattr(transfer, "up", made.up)
    monkeypatch.setattr(transfer, "_run", made.run)
    return made


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words: str | Path) -> HalabError:
    done = call(*words)
    assert isinstance(done.exception, HalabError), done.output
    return done.exception


def exported(labs: Labs) -> Path:
    """Export a lab in which a client has written something."""
    labs.add("course")
    (labs.on("course") / "ledger").mkdir()
    (labs.on("course") / "ledger" / "first").write_text("promised")
    (labs.on("course") / "lost+found").mkdir()
    file = labs.tmp_path / "course.halab"
    done = call("export", "course", file)
    assert done.exit_code == 0, done.output
    assert f"./halab import {file}" in done.stdout
    return file


def test_another_lab_gets_what_clients_wrote(labs: Labs) -> None:
    file = exported(labs)
    done = call("import", file, "--name", "twin")
    assert done.exit_code == 0, done.output
    assert (labs.on("twin") / "ledger" / "first").read_text() == "promised"
    assert not (labs.on("twin") / "lost+found").exists()
    assert labs.built == ["twin"]
    assert "lab twin holds what course held" in done.stdout
    assert 'name = "twin"' in (labs.tmp_path / "twin.toml").read_text()


def test_it_is_nobody_elses_to_read_and_holds_no_secret(labs: Labs) -> None:
    file = exported(labs)
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["halab.json", "definition.toml", "data/web"]
    assert sorted(path.name for path in labs.tmp_path.iterdir()) == [
        *("course.halab", "nodes", "state"),
    ]


def test_a_lab_that_is_there_keeps_its_data_unless_one_agrees(labs: Labs) -> None:
    file = exported(labs)
    (labs.on("course") / "ledger" / "first").write_text("later")
    assert "would be replaced" in refused("import", file, "--name", "course").message
    assert labs.built == []
    assert call("import", file, "--name", "course", "--yes").exit_code == 0
    assert (labs.on("course") / "ledger" / "first").read_text() == "promised"
    # It is brought to the definition that it has, wherever that stands.
    assert labs.built == ["course"]
    assert not list(labs.tmp_path.glob("*.toml"))


def test_what_clients_wrote_after_the_export_is_gone_with_the_rest(labs: Labs) -> None:
    file = exported(labs)
    for name in ("later", ".hidden", "..odd", "with blank"):
        (labs.on("course") / name).mkdir()
        (labs.on("course") / name / "x").write_text("later")
    assert call("import", file, "--name", "course", "--yes").exit_code == 0
    left = sorted(path.name for path in labs.on("course").iterdir())
    assert left == ["ledger", "lost+found"]


def test_an_archive_that_breaks_off_takes_nothing_away(labs: Labs, tmp_path: Path) -> None:
    place = tmp_path / "mounted"
    place.mkdir()
    (place / "first").write_text("promised")
    done = subprocess.run(
        ["/bin/sh", "-c", replaced(str(place), "lost+found")], input=b"no archive", check=False
    )
    assert done.returncode != 0
    assert [path.name for path in place.iterdir()] == ["first"]


@pytest.mark.parametrize("lost", [0, 1, 10, 500])
def test_half_of_a_dump_is_not_loaded(tmp_path: Path, lost: int) -> None:
    """A connection that breaks looks like the end of a file, and half of a dump like a whole."""
    sent = gzip.compress(random.randbytes(1000))
    loaded, kept = tmp_path / "loaded", set(Path("/var/tmp").iterdir())
    done = subprocess.run(
        ["bash", "-c", transfer._received(f"gunzip >{loaded}")],
        input=sent[: len(sent) - lost],
        check=False,
    )
    assert (done.returncode == 0, loaded.exists()) == (not lost, not lost)
    assert {path for path in Path("/var/tmp").iterdir() if "halab-import" in path.name} <= kept


def test_the_folder_itself_comes_back_and_no_draft_of_an_import_goes(labs: Labs) -> None:
    labs.add("course")
    place = labs.on("course")
    place.chmod(0o2750)
    (place / ".halab-import").mkdir()
    file = labs.tmp_path / "course.halab"
    assert call("export", "course", file).exit_code == 0
    place.chmod(0o700)
    (place / ".halab-import" / "half").touch()
    assert call("import", file, "--name", "course", "--yes").exit_code == 0
    assert list(place.iterdir()) == []
    assert place.stat().st_mode & 0o7777 == 0o2750


@pytest.mark.parametrize(("status", "whole"), [(0, True), (1, True), (2, False)])
def test_a_file_that_changes_meanwhile_spoils_no_export(
    tmp_path: Path, status: int, *, whole: bool
) -> None:
    """tar ends with 1 for that, and with 2 for what is not readable."""
    tar = tmp_path / "tar"
    tar.write_text(f"#!/bin/sh\nexit {status}\n")
    tar.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    text = f"set -o pipefail; {archived('/srv', 'lost+found')}"
    done = subprocess.run(["bash", "-c", text], env=environment, check=False)
    assert (done.returncode == 0) == whole


def test_nobody_else_reads_a_draft(tmp_path: Path) -> None:
    (tmp_path / ".lab.halab.new").write_text("of an export that was killed")
    with transfer._draft(tmp_path / "lab.halab") as draft:
        assert draft.stat().st_mode & 0o777 == 0o600
        assert draft.read_text() == ""


def test_a_lab_that_is_another_is_left_alone(labs: Labs) -> None:
    file = exported(labs)
    labs.add("books", BOOKS, "database")
    error = refused("import", file, "--name", "books", "--yes")
    assert "its definition is another" in error.message
    assert labs.built == []


def test_a_definition_that_is_there_is_not_overwritten(labs: Labs) -> None:
    file = exported(labs)
    (labs.tmp_path / "twin.toml").write_text("version = 1\n")
    assert "says something else" in refused("import", file, "--name", "twin").message
    assert labs.built == []


def test_what_was_broken_off_goes_on(labs: Labs, monkeypatch: pytest.MonkeyPatch) -> None:
    file = exported(labs)
    run = labs.run

    def broken_pipe(*_: object, **__: object) -> None:
        raise CommandError("tar", status=1, host="node1")

    monkeypatch.setattr(transfer, "_run", broken_pipe)
    refused("import", file, "--name", "twin")
    monkeypatch.setattr(transfer, "_run", run)
    assert call("import", file, "--name", "twin", "--yes").exit_code == 0
    assert (labs.on("twin") / "ledger" / "first").read_text() == "promised"


def test_an_export_that_fails_leaves_the_one_before(
    labs: Labs, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = exported(labs)
    before = file.read_bytes()
    labs.nodes = 0
    assert "served nowhere" in refused("export", "course", file).message
    assert file.read_bytes() == before
    assert not list(labs.tmp_path.glob(".*"))


@pytest.mark.parametrize("place", [".", "..", "/", ""])
def test_a_folder_is_no_place_for_an_export(labs: Labs, place: str) -> None:
    labs.add("course")
    assert "is a folder; an export is one file" in refused("export", "course", place).message


def test_what_it_says_can_be_pasted(labs: Labs) -> None:
    labs.add("course")
    done = call("export", "course", labs.tmp_path / "my course.halab")
    assert f"./halab import '{labs.tmp_path}/my course.halab'" in done.stdout


def test_a_place_that_cannot_be_written_is_said(labs: Labs) -> None:
    labs.add("course")
    assert (
        "cannot write /no/such/folder/x" in refused("export", "course", "/no/such/folder/x").message
    )


def begun() -> bytes:
    """Return an archive whose end is missing."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        member = tarfile.TarInfo("halab.json")
        member.size = 5000
        archive.addfile(member, io.BytesIO(b" " * 5000))
    return whole.getvalue()[:2000]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive", "is no export of a lab: it is another kind of file"),
        (b"\x1f\x8b\x08\x00damaged in the middle", "or damaged"),
        (begun(), "or cut off"),
        (None, "it holds no halab.json"),
    ],
)
def test_what_is_no_export_is_refused(labs: Labs, content: bytes | None, said: str) -> None:
    file = labs.tmp_path / "other.tar"
    if content is not None:
        file.write_bytes(content)
    else:
        with tarfile.open(file, "w") as archive:
            archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    assert said in refused("import", file).message


def test_what_is_no_file_is_no_export(labs: Labs) -> None:
    folder, pipe = labs.tmp_path / "folder", labs.tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (folder, pipe):
        assert refused("import", path).message == f"{path} is no export of a lab: it is no file"
    missing = labs.tmp_path / "missing"
    assert refused("import", missing).message.endswith("there is no such file")


def made_by_somebody(labs: Labs, changes: dict[str, str], members: dict[str, bytes]) -> Path:
    """Make an export that says something else than what halab wrote, or holds something else."""
    file, other = exported(labs), labs.tmp_path / "other.halab"
    with tarfile.open(file) as archive, tarfile.open(other, "w") as changed:
        for name in archive.getnames():
            found = archive.extractfile(name)
            assert found is not None
            content = members.get(name, found.read())
            for before, after in changes.items():
                content = content.replace(before.encode(), after.encode())
            member = tarfile.TarInfo(name)
            member.size = len(content)
            changed.addfile(member, io.BytesIO(content))
    return other


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        ({'"lab": "course"': '"lab": "../course"'}, {}),
        ({'"web": "nginx"': '"../../web": "nginx"'}, {}),
        ({'"web": "nginx"': '"sql": "postgresql"'}, {}),
        ({'"web": "nginx"': '"web": "nfs"'}, {}),
        ({}, {"definition.toml": b"version = 1\nname = 'Course'\n"}),
        ({}, {"definition.toml": b"\xff\xfe"}),
    ],
)
def test_an_export_from_a_stranger_leads_nowhere_else(
    labs: Labs, changes: dict[str, str], members: dict[str, bytes]
) -> None:
    file = made_by_somebody(labs, changes, members)
    before = sorted(labs.tmp_path.rglob("*"))
    assert refused("import", file, "--name", "twin").message.startswith(f"{file} is no export")
    assert labs.built == []
    assert sorted(labs.tmp_path.rglob("*")) == before


def test_an_export_that_was_cut_off_is_refused_before_a_lab_is_built_from_it(labs: Labs) -> None:
    (labs.on("course") / "large").write_bytes(random.randbytes(20000))
    file = exported(labs)
    whole = file.read_bytes()
    for length in range(0, len(whole) - tarfile.RECORDSIZE, 512):
        file.write_bytes(whole[:length])
        assert "is no export of a lab" in refused("import", file, "--name", "twin").message
    assert labs.built == []


def test_a_definition_in_the_way_may_be_of_any_encoding(labs: Labs) -> None:
    file = exported(labs)
    (labs.tmp_path / "twin.toml").write_bytes(b"\xff\xfe")
    assert "says something else" in refused("import", file, "--name", "twin").message


def test_a_database_is_dumped_without_its_roles(labs: Labs) -> None:
    part = Parts(BOOKS).first_service
    assert "pg_dump --clean --if-exists" in part.dump
    assert "pg_dumpall" not in part.dump
    assert "--single-transaction" in part.load


def test_a_lab_without_data_is_its_definition(labs: Labs) -> None:
    labs.add("trio", TRIO, "active-active")
    file = labs.tmp_path / "trio.halab"
    assert "the data of no service" in call("export", "trio", file).stdout
    assert labs.commands == []


@pytest.mark.parametrize("name", OFFERED)
def test_whatever_a_lab_exports_can_be_imported(tmp_path: Path, name: str) -> None:
    parts = Parts(planned(name, accelerated=True))
    kinds = {
        each: part.service.settings.kind
        for each, part in parts.services.items()
        if part.keeps_writes
    }
    said = Manifest(lab=name, at=datetime.now(UTC), services=kinds)
    file = tmp_path / "x.halab"
    with tarfile.open(file, "w") as archive:
        for service in kinds:
            archive.addfile(tarfile.TarInfo(f"{DATA}/{service}"), io.BytesIO())
    with opened(file) as found:
        transfer._check_whole(found, load(name), said)

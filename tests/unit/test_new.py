"""`new` writes a definition that can be built at once, and touches nothing that is there."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from cli.app import app
from core.errors import HalabError
from core.folders import LabFolder
from labs.loading import LABS, DefinitionError, load
from labs.schema import SCHEMA
from tests.unit.planned_lab import OFFERED


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no labs, and stand in a folder of one's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["new", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: str) -> HalabError:
    done = CliRunner().invoke(app, ["new", *words])
    assert isinstance(done.exception, HalabError), done.output
    return done.exception


@pytest.mark.parametrize("origin", OFFERED)
def test_a_lab_like_one_that_comes_with_halab(here: Path, origin: str) -> None:
    said("mine", "--from", origin)
    lab = load("mine.toml")
    assert lab.name == "mine"
    assert lab.model_copy(update={"name": origin}) == load(origin)
    # Comments and order are kept: where the schema is and the name are two lines.
    before = (LABS / f"{origin}.toml").read_text().splitlines()
    after = (here / "mine.toml").read_text().splitlines()
    schema = "#:schema ./definition.schema.json"
    assert [line for line in before if line not in after] == [schema, f'name = "{origin}"']
    schema = f"#:schema {quote(str(SCHEMA))}"
    assert [line for line in after if line not in before] == [schema, 'name = "mine"']
    assert (after[0], len(after)) == (schema, len(before))
    assert any(line.startswith("#") for line in after)
    assert [path.name for path in here.iterdir()] == ["mine.toml"]


def test_it_says_how_to_go_on() -> None:
    lines = said("mine").splitlines()
    assert "mine.toml defines a lab like active-passive" in lines[0]
    assert "  ./halab up mine.toml builds it" in lines
    assert "  ./halab show 'a folder/mine.toml' draws it" in said(
        "mine", "--to", "a folder/mine.toml"
    )


def test_a_lab_like_one_of_ones_own(here: Path) -> None:
    text = "\r\n".join(
        ("# Mine.", "version = 1", "  name='first' # of many", "[nodes]", "cpus = 2")
    )
    (here / "first.toml").write_bytes(text.encode())
    said("second", "--from", "first.toml")
    schema, _, rest = (here / "second.toml").read_bytes().decode().partition("\n")
    assert schema.startswith("#:schema /")
    assert rest == text.replace("'first'", '"second"')


def test_a_lab_like_one_that_stands(here: Path) -> None:
    folder = LabFolder.of("first")
    folder.path.mkdir(parents=True)
    folder.definition.write_text('version = 1\nname = "first"\n[nodes]\ncpus = 3\n')
    said("second", "--from", "first")
    assert load("second.toml").nodes.cpus == 3


@pytest.mark.parametrize("name", ["Mine", "a b", "../mine", "mine-", "x" * 25, "", "a'\"\\1"])
def test_a_name_that_no_lab_can_have(here: Path, name: str) -> None:
    error = refused(name)
    assert isinstance(error, DefinitionError)
    assert [problem.key for problem in error.problems] == ["name"]
    assert list(here.iterdir()) == []


def test_a_name_that_is_taken(here: Path) -> None:
    LabFolder.of("standing").path.mkdir(parents=True)
    for name in ("database", "standing"):
        assert refused(name).message == f"there is a lab called {name!r} already"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("make", ["echo mine >", "mkdir", "ln -s nowhere"])
def test_what_is_there_stays(here: Path, make: str) -> None:
    subprocess.run(["sh", "-c", f"{make} mine.toml"], check=True)
    assert "is there already" in refused("mine").message
    assert [each.name for each in here.iterdir()] == ["mine.toml"]
    if make.startswith("echo"):
        assert (here / "mine.toml").read_text() == "mine\n"


def test_a_file_that_up_would_not_take(here: Path) -> None:
    assert "ends with .toml" in str(refused("mine", "--to", "mine.conf").hint)
    assert list(here.iterdir()) == []


def test_nothing_like_a_lab_that_cannot_be_built(here: Path) -> None:
    (here / "broken.toml").write_text('version = 1\nname = "broken"\n[nodes]\ncpus = 99\n')
    error = refused("mine", "--from", "broken.toml")
    assert error.message == "broken.toml: 1 problem"
    assert "unknown lab: 'databse'" in refused("mine", "--from", "databse").message


@pytest.mark.parametrize(
    "lines",
    ['"name" = "old"', 'name = """old"""', 'description = """\nname = "x"\n"""\nname = "old"'],
)
def test_a_name_that_cannot_be_changed_alone(here: Path, lines: str) -> None:
    text = f"version = 1\n{lines}\n"
    assert tomllib.loads(text)["name"] == "old"
    (here / "old.toml").write_text(text)
    assert "in a way that halab cannot change" in refused("mine", "--from", "old.toml").message
    assert not (here / "mine.toml").exists()

"""`show` draws what a definition comes to, or what a lab is that stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.app import app
from core.errors import HalabError
from core.folders import LabFolder
from drawing.terminal import TerminalDrawing
from labs.loading import LABS
from tests.unit.drawn import DRAWN, M, W, scene

MINE = 'version = 1\nname = "mine"\n'
OTHERS = '[nodes]\nnames = ["oslo", "bergen"]\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no labs, a folder of one's own, and a terminal of 80 columns."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, ["show", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: str) -> HalabError:
    done = CliRunner().invoke(app, ["show", *words])
    assert isinstance(done.exception, HalabError)
    return done.exception


def drawn(name: str, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as taken:
        console.print(TerminalDrawing(scene(name)))
    return taken.get().splitlines()


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_drawing_is_as_wide_as_the_terminal(name: str, width: int) -> None:
    assert all(len(line) <= width for line in drawn(name, width))


@pytest.mark.parametrize("name", DRAWN)
def test_it_names_everything(name: str) -> None:
    words = " ".join(drawn(name, 80)).split()
    lab = scene(name)
    for machine in lab.inventory.machines:
        assert machine.name in words
        assert {str(nic.address.ip) for nic in machine.interfaces.values()} <= set(words)
    for segment in lab.segments.values():
        assert {segment.role.value, str(segment.subnet)} <= set(words)
    for service in lab.inventory.services:
        assert {str(address.ip) for address in service.addresses} <= set(words)
        assert service.name in words
    assert {storage.name for storage in lab.inventory.storage} <= set(words)


def test_a_service_is_drawn_at_home() -> None:
    mirror = scene("mirror")
    nodes, homes = mirror.inventory.nodes, {}
    for service in mirror.services:
        homes[service.name] = [node.name for node in nodes if mirror.place_on(service, node)]
        assert f"{service.name}, port {service.port}: at home on" in "\n".join(drawn("mirror", 120))
    assert homes == {"pages": ["node1"], "records": ["node2"]}
    assert "PostgreSQL on one node, at home on node2, port 5432" in mirror.words


@pytest.mark.parametrize("name", DRAWN)
def test_a_machine_is_joined_to_its_networks_and_crosses_no_other(name: str) -> None:
    lines = drawn(name, 80)
    lab = scene(name).inventory
    for machine in lab.machines:
        (line,) = (line for line in lines if f" {machine.name} " in line and "●" in line)
        joints = "●─●─●─●──" if machine in lab.nodes else "    ●─●──"
        assert line.startswith(f"{joints} {machine.name}")


def test_it_says_who_passes_requests_to_whom() -> None:
    lines = drawn("passing", 120)
    front = next(number for number, line in enumerate(lines) if f"passes requests to {M}" in line)
    assert W in lines[front]
    assert lines[front + 1].rstrip().endswith(f"{M}  nginx on every node; port 65535, nodes only")


def test_lines_of_networks_go_on_beside_words_that_break() -> None:
    lines = drawn("active-passive", 60)
    begin = next(number for number, line in enumerate(lines) if " monitor " in line)
    end = next(number for number, line in enumerate(lines) if "◆" in line)
    assert end - begin > 3
    assert all(line.startswith(f"{' ' * 6}│") for line in lines[begin + 1 : end])


def test_without_a_name_it_is_the_usual_lab() -> None:
    assert shown() == shown("active-passive")
    assert "\x1b" not in shown()


def test_a_definition_of_ones_own(here: Path) -> None:
    (here / "my.toml").write_text(MINE + OTHERS)
    assert "─ oslo " in shown("my.toml")


def test_a_lab_that_stands_is_drawn_as_it_is_and_not_as_it_may_become(here: Path) -> None:
    folder = LabFolder.of("mine")
    folder.path.mkdir(parents=True)
    folder.definition.write_text(MINE)
    assert "─ node1 " in shown("mine")
    folder.applied.write_text(MINE + OTHERS)
    assert "─ oslo " in shown("mine")
    (here / "mine.toml").write_text(MINE)
    assert "─ node1 " in shown("mine.toml")


def test_of_a_lab_whose_files_are_lost_the_definition_is_drawn() -> None:
    before = shown("database")
    LabFolder.of("database").path.mkdir(parents=True)
    assert shown("database") == before


def test_a_lab_that_nobody_knows() -> None:
    assert refused("databse").hint == (
        "did you mean database? known labs: active-active, active-passive, aws-active-passive, "
        "cluster-filesystem, database, galera, load-balancer, mirror, nfs, ring, shared-disk, "
        "three-node, two-node; or give the path of a .toml file"
    )


def test_a_picture_is_written_where_it_is_wanted(here: Path) -> None:
    assert shown("database", "--to", "new/database.svg") == (
        "lab database is drawn in new/database.svg\n"
    )
    picture = here / "new" / "database.svg"
    assert picture.read_text().startswith("<svg xmlns=")
    assert picture.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["database.png", "database.toml", "database", ".svg"])
def test_a_file_that_would_hold_no_picture_stays_as_it_is(here: Path, name: str) -> None:
    (here / name).write_text("mine")
    assert ".svg" in str(refused("database", "--to", name).hint)
    assert (here / name).read_text() == "mine"


def test_a_terminal_without_lines_gets_others() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "show"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert "o-o-o-o-- node1" in done.stdout
    assert "?" not in done.stdout


def test_a_home_is_told_also_where_nobody_returns_to_it(here: Path) -> None:
    (here / "mine.toml").write_text(
        MINE
        + '[services.web]\nkind = "nginx"\nstorage = "data"\nhome = "node2"\nstickiness = 1500\n'
        + '[storage.data]\nkind = "drbd"\n'
    )
    printed = " ".join(shown("mine.toml").split())
    assert "on one node, at home on node2, where it does not return by itself" in printed


def test_whether_somebody_is_paid_is_told_before_anything_is_built(here: Path) -> None:
    free = " ".join(shown("aws-active-passive").split())
    assert "rehearsal guests of this machine, which cost nothing; on AWS about" in free
    text = (LABS / "aws-active-passive.toml").read_text()
    (here / "paid.toml").write_text(text.replace('endpoint = "rehearsal"', ""))
    paid = " ".join(shown("paid.toml").split())
    assert "AWS rented in eu-central-1; about" in paid and "USD a day" in paid
    assert "USD" not in shown("database")


def test_a_narrow_terminal_breaks_no_line_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    drawing, _ = shown("database").split("\n\n", 1)
    assert all(len(line) <= 40 for line in drawing.splitlines())

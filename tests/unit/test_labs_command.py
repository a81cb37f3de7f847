"""`labs` shows what can be built; the README shows the same, and `list` what was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import labs
from cli.app import app
from core.folders import PROJECT
from labs.loading import Offer, available, load
from labs.model import Lab

DEFAULT = "active-passive"
README = (PROJECT / "README.md").read_text()
ARCHITECTURES = (PROJECT / "docs" / "architectures.md").read_text()


@pytest.fixture(autouse=True)
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no labs, and a terminal of 80 columns without colour."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


def said(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def told() -> dict[str, dict[str, Any]]:
    document: dict[str, Any] = json.loads(said("labs", "--json"))
    assert document["version"] == labs.SCHEMA_VERSION
    return {each["name"]: each for each in document["labs"]}


@pytest.mark.parametrize("offer", available(), ids=lambda offer: offer.name)
def test_every_definition_is_shown_with_what_it_is_for(offer: Offer) -> None:
    assert isinstance(offer.lab, Lab)
    shown = said("labs")
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert f"{offer.name} {offer.lab.description}" in " ".join(shown.split())


def test_programs_are_told_of_what_it_is_made() -> None:
    database = told()["database"]
    assert database.pop("description") == load("database").description
    assert database == {
        "name": "database",
        "nodes": ["node1", "node2"],
        "monitor": "monitor",
        "memory_mib": 3072,
        "services": [{"name": "database", "kind": "postgresql", "runs": "one-node", "to": None}],
        "storage": [{"name": "data", "kind": "drbd", "size_mib": 1024}],
        "fencing": "sbd",
        "quorum": "device",
    }
    everywhere = told()["active-active"]
    assert everywhere["services"] == [
        {"name": "web", "kind": "nginx", "runs": "everywhere", "to": None}
    ]
    assert [each["to"] for each in told()["load-balancer"]["services"]] == ["web", None]
    assert (everywhere["storage"], everywhere["quorum"]) == ([], "majority")


def test_a_definition_that_cannot_be_used_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Offer("broken", None, "broken.toml: 1 problem")
    monkeypatch.setattr(labs, "available", lambda: (broken, *available()))
    assert told()["broken"] == {"name": "broken", "problem": "broken.toml: 1 problem"}
    assert "(cannot be used: broken.toml: 1 problem)" in said("labs")
    assert DEFAULT in said("labs")


def test_the_readme_shows_the_same_labs() -> None:
    table = README.partition("### Which cluster\n")[2].partition("\n\nA new kind")[0].splitlines()
    rows = [row(offer) for offer in available()]
    # The default comes first, and last what a person writes himself.
    rows.sort(key=lambda line: f"`{DEFAULT}`" not in line)
    assert table[3:-1] == rows
    assert table[-1].startswith("| `my.toml` |")


def row(offer: Offer) -> str:
    assert offer.lab is not None
    name = f"`{offer.name}`{' (the default)' if offer.name == DEFAULT else ''}"
    decides = labs.DECIDES[offer.lab.quorum]
    return f"| {name} | {len(offer.lab.nodes.names)} | {offer.lab.description} | {decides} |"


def test_list_shows_what_was_built_and_nothing_else() -> None:
    assert said("list").startswith("no lab was built here: `./halab labs`")
    assert DEFAULT not in said("list")
    assert json.loads(said("list", "--json")) == {"version": 2, "labs": []}


@pytest.mark.parametrize("offer", available(), ids=lambda offer: offer.name)
def test_every_lab_is_told_when_to_choose_it_and_what_it_cannot_do(offer: Offer) -> None:
    _, heading, rest = ARCHITECTURES.partition(f"\n## {offer.name}\n")
    section = " ".join(rest.partition("\n## ")[0].split())
    assert heading
    assert f"(images/{offer.name}.svg)" in section
    assert all(word in section for word in ("**Choose it** when", "**It cannot**", "Sources: "))
    assert f"| [{offer.name}](#{offer.name}) |" in ARCHITECTURES


@pytest.mark.parametrize("columns", ["40", "60"])
def test_no_fact_is_lost_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    words = said("labs").split()
    broad = "nodes memory service storage fencing quorum sbd fence-aws drbd gfs2 nfs majority"
    assert set(broad.split()) <= {word.strip(",") for word in words}

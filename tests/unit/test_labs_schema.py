"""Editors are told of definitions what halab itself says of them, as far as single keys go.

`HALAB_GOLDEN=write python -m pytest tests/unit/test_labs_schema.py` writes the schema anew.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fastjsonschema
import pytest
from typer.testing import CliRunner

from cli.app import app
from core.folders import PROJECT
from labs.checking import DefinitionError, check
from labs.model import Lab
from labs.schema import SCHEMA, reference, schema
from labs.shape import keys
from labs.words import TAKEN_NAMES, TAKEN_SERVICES, TAKEN_STORAGE
from tests.unit.definitions import GOOD
from tests.unit.drawn import CROWDED

FILES = sorted((*PROJECT.glob("labs/*.toml"), *PROJECT.glob("tests/labs/*.toml")))
MANUAL = (PROJECT / "docs" / "lab-definition.md").read_text()

accepts = fastjsonschema.compile(schema())


def test_the_file_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["schema"]).stdout
    assert json.loads(printed) == schema()
    if os.environ.get("HALAB_GOLDEN") == "write":
        SCHEMA.write_text(printed)
        pytest.skip(f"{SCHEMA.name} is written anew")
    assert SCHEMA.read_text() == printed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_definitions_that_halab_brings_are_in_order(path: Path) -> None:
    accepts(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"monitoring": False},
        {"monitoring": {"interval_s": 5}},
        {"service": {"port": 8080}},
        {"firewall": {"allow": [{"role": "node", "network": "service", "port": 443}]}},
        {"platform": {"uri": "qemu+ssh://root@server.example/system"}},
        {"timing": {"profile": "slow-host", "msgwait_s": 40}},
        {"monitor": {"name": "monitor"}},
        {"platform": {"pace": 12}},
        *CROWDED.values(),
        tomllib.loads(MANUAL.partition("```toml\n")[2].partition("```")[0]),
    ],
)
def test_what_halab_takes_an_editor_takes(tables: dict[str, Any]) -> None:
    assert check("my.toml", {**GOOD, **tables}, Lab)
    accepts({**GOOD, **tables})


@pytest.mark.parametrize(
    "tables",
    [
        {"version": 2},
        {"version": "1"},
        {"name": "Big"},
        {"name": "a" * 25},
        {"colour": "blue"},
        {"description": "x" * 201},
        {"platform": {"uri": "qemu:///session"}},
        {"platform": {"pace": "fast"}},
        {"platform": {"pace": 13}},
        {"nodes": {"memory": 1024}},
        {"nodes": {"cpus": 0}},
        {"nodes": {"cpus": 17}},
        {"nodes": {"cpus": "2"}},
        {"nodes": {"memory_mib": 767}},
        {"nodes": {"names": ["alone"]}},
        {"nodes": {"names": [f"n{number}" for number in range(9)]}},
        {"nodes": {"names": ["node1", "a_b"]}},
        {"nodes": [{}]},
        {"monitoring": "no"},
        {"monitoring": {"interval_s": 4}},
        {"networks": {"cluster_a": "10.0.0.0/24"}},
        {"networks": {"service": "10.30.0.0"}},
        {"networks": {"service": "10.30.0.0/29"}},
        {"networks": {"service": 10}},
        {"service": {"kind": "nginx"}},
        {"service": {"address": "here"}},
        {"service": {"port": 65536}},
        {"services": {"web": {}}},
        {"services": {"web": {"kind": "wep"}}},
        {"services": {"Web": {"kind": "nginx"}}},
        {"services": {"web": {"kind": "nginx", "runs": "nowhere"}}},
        {"services": {"front": {"kind": "haproxy"}}},
        {"services": {"front": {"kind": "haproxy", "to": "web", "storage": "data"}}},
        {"services": {"sql": {"kind": "postgresql"}}},
        {"services": {"sql": {"kind": "postgresql", "storage": "data", "runs": "everywhere"}}},
        {"storage": {"data": {}}},
        {"storage": {"data": {"kind": "drbd", "size_mib": 63}}},
        {"quorum": {"kind": "none"}},
        {"firewall": {"allow": [{"role": "node", "network": "service"}]}},
        {"firewall": {"allow": [{"role": "cat", "network": "service", "port": 1}]}},
        {"timing": {"profile": "fast"}},
        {"timing": {"token_ms": 999}},
    ],
)
def test_what_an_editor_refuses_halab_refuses(tables: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        check("my.toml", {**GOOD, **tables}, Lab)
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        accepts({**GOOD, **tables})


@pytest.mark.parametrize("key", GOOD)
def test_keys_that_have_to_be_there(key: str) -> None:
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        accepts({other: value for other, value in GOOD.items() if other != key})


def test_words_that_are_taken() -> None:
    tables: list[dict[str, Any]] = [
        *({"nodes": {"names": ["node1", str(word)]}} for word in TAKEN_NAMES),
        *({"services": {word: {"kind": "nginx"}}} for word in TAKEN_SERVICES),
        *({"storage": {word: {"kind": "drbd"}}} for word in TAKEN_STORAGE),
        *({"monitor": {"name": str(word)}} for word in TAKEN_NAMES if word != "monitor"),
    ]
    for each in tables:
        with pytest.raises(fastjsonschema.JsonSchemaValueException):
            accepts({**GOOD, **each})


def test_rules_between_keys_are_for_halab_alone() -> None:
    tables = {"quorum": {"kind": "majority"}, "timing": {"watchdog_s": 60, "msgwait_s": 6}}
    accepts({**GOOD, **tables})
    with pytest.raises(DefinitionError):
        check("my.toml", {**GOOD, **tables}, Lab)


def test_every_key_is_explained() -> None:
    assert list(schema()["properties"]) == keys((Lab,))
    for key, value in values("", schema()):
        if "properties" in value:
            assert value["description"], key
        else:
            assert "Allowed: " in value["description"], key
            assert value["description"][:1].isupper() or value["description"][:1].isdigit(), key


def values(key: str, value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield everything that a key may be, each with its dotted key."""
    if "oneOf" in value:
        for each in value["oneOf"]:
            if "properties" in each:
                yield from values(key, each)
    elif "additionalProperties" in value and "properties" not in value:
        yield from values(f"{key}.NAME", value["additionalProperties"])
    else:
        yield key, value
        inside = {**value.get("properties", {}), **value.get("items", {}).get("properties", {})}
        for name, inner in inside.items():
            yield from values(f"{key}.{name}", inner)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (PROJECT / "labs" / "my.toml", "./definition.schema.json"),
        (PROJECT / "my.toml", "./labs/definition.schema.json"),
        (PROJECT / "tests" / "labs" / "my.toml", "./../../labs/definition.schema.json"),
    ],
)
def test_definitions_inside_halab_name_it_from_where_they_are(place: Path, name: str) -> None:
    assert reference(place) == name
    assert (place.parent / name).resolve() == SCHEMA.resolve()


def test_others_name_it_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert unquote(reference(Path("my.toml"))) == str(SCHEMA)
    monkeypatch.setattr("labs.schema.SCHEMA", tmp_path / "a b#c" / "x.json")
    assert reference(Path("my.toml")) == f"{tmp_path}/a%20b%23c/x.json"

"""Tables that a kind chooses and tables with free names are refused as plainly as single keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, StrictInt, StrictStr

from labs.checking import DefinitionError, Problem, check
from labs.notes import Note
from labs.shape import locate
from labs.tables.base import Table

NAME_ALLOWED = "lower-case letters"


class Web(Table):
    kind: Literal["web"] = "web"
    port: Annotated[StrictInt, Field(ge=1)] = 80


class Rows(Table):
    kind: Literal["rows"]
    disk: Annotated[StrictStr, Note(allowed="name of a disk")]


class Local(Table):
    kind: Literal["local"] = "local"
    size: StrictInt | None = None


Service = Annotated[Web | Rows, Field(discriminator="kind")]
Name = Annotated[StrictStr, Field(pattern="^[a-z]+$"), Note(allowed=NAME_ALLOWED)]


class House(Table):
    version: StrictInt
    name: StrictStr
    services: dict[Name, Service] = Field(default={})
    spare: Service | None = None
    queue: tuple[Service, ...] = ()
    disk: Local = Local()


GOOD = {"version": 1, "name": "house"}


def problems(**tables: Any) -> dict[str, Problem]:
    with pytest.raises(DefinitionError) as caught:
        check("my.toml", {**GOOD, **tables}, House)
    assert all(problem.allowed and problem.hint for problem in caught.value.problems)
    return {problem.key: problem for problem in caught.value.problems}


def test_every_kind_of_table_is_read() -> None:
    rows = {"kind": "rows", "disk": "data"}
    house = check(
        "my.toml",
        {**GOOD, "services": {"shop": {"kind": "web"}, "base": rows}, "spare": rows},
        House,
    )
    assert house.services == {"shop": Web(), "base": Rows(kind="rows", disk="data")}


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ({"services": {"shop": {"kind": "web", "port": 0}}}, "services.shop.port"),
        ({"spare": {"kind": "web", "port": 0}}, "spare.port"),
        ({"queue": [{"kind": "web"}, {"kind": "web", "port": 0}]}, "queue[1].port"),
    ],
)
def test_a_value_is_named_by_the_words_of_the_file(where: dict[str, Any], key: str) -> None:
    problem = problems(**where)[key]
    assert (problem.value, problem.allowed) == ("0", "whole number from 1")
    assert problem.hint == "the default is 80"


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ({"services": {"shop": {"kind": "wep"}}}, "services.shop.kind"),
        ({"spare": {"kind": "wep"}}, "spare.kind"),
        ({"queue": [{"kind": "wep"}]}, "queue[0].kind"),
    ],
)
def test_an_unknown_kind_gets_the_known_ones(where: dict[str, Any], key: str) -> None:
    problem = problems(**where)[key]
    assert (problem.value, problem.allowed) == ('"wep"', '"web", "rows"')
    assert problem.hint == "did you mean web?"


def test_a_table_without_its_kind() -> None:
    problem = problems(services={"shop": {"port": 80}})["services.shop.kind"]
    assert problem.value == "(missing)"
    assert problem.hint == 'write one like kind = "web"'


def test_a_key_that_another_kind_would_have() -> None:
    problem = problems(services={"shop": {"kind": "web", "disk": "data"}})["services.shop.disk"]
    assert problem.allowed == "in [services.shop]: kind, port"
    assert problem.hint == 'it is for another kind of [services.NAME], "rows": remove it'


def test_a_key_that_the_kind_needs() -> None:
    problem = problems(services={"base": {"kind": "rows"}})["services.base.disk"]
    assert (problem.value, problem.allowed) == ("(missing)", "name of a disk")
    assert problem.hint == "it has no default"


def test_a_name_that_cannot_be_one() -> None:
    problem = problems(services={"My shop": {"kind": "web"}})['services."My shop"']
    assert (problem.value, problem.allowed) == ('"My shop"', NAME_ALLOWED)
    assert problem.hint == "choose another name"


@pytest.mark.parametrize(
    ("where", "key", "hint"),
    [
        ({"services": 3}, "services", "write [services.NAME] on a line of its own"),
        ({"services": {"shop": 3}}, "services.shop", "write [services.shop] on a line of its own"),
        ({"spare": "web"}, "spare", "write [spare] on a line of its own"),
    ],
)
def test_a_value_where_a_table_belongs(where: dict[str, Any], key: str, hint: str) -> None:
    assert problems(**where)[key].hint.startswith(hint)


def test_all_of_it_at_once() -> None:
    found = problems(
        services={
            "shop": {"kind": "web", "port": 0, "prot": 1},
            "base": {"kind": "rows"},
            "other": {"kind": "no"},
            "B": {"kind": "web"},
        },
        spare={},
        disk={"size": "big"},
        extra=1,
    )
    assert set(found) == {
        *("services.shop.port", "services.shop.prot", "services.base.disk"),
        *("services.other.kind", "services.B", "spare.kind", "disk.size", "extra"),
    }


def test_a_place_that_no_table_knows_has_no_home() -> None:
    assert locate(House, ("services", "shop", "nothing", "at", "all")).home is None

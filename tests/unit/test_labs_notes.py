"""Every key of a definition says what it may be, by its type or by a note beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import pytest
from pydantic import Field, StrictBool, StrictInt, StrictStr
from pydantic.fields import FieldInfo

from labs.model import Lab
from labs.notes import Note, allowed, default, unit
from labs.shape import keys, locate
from labs.tables.base import Table


class Inner(Table):
    """A table."""


Small = Annotated[StrictInt, Field(ge=1, le=9), Note(allowed="something small")]


class Sample(Table):
    """Keys of all sorts."""

    plain_s: Annotated[StrictInt, Field(ge=1, le=9)] = 5
    least: Annotated[StrictInt, Field(ge=1)] | None = None
    chosen_mib: Annotated[
        Annotated[StrictInt, Field(ge=1, le=9)] | None, Note(besides="odd", default="whatever fits")
    ] = None
    noted: Annotated[Small, Note(allowed="something else")] = 1
    inherited: Small = 1
    kind: Literal["one", "two"]
    only: Literal["one"] = "one"
    switch: StrictBool = True
    words: Annotated[tuple[StrictStr, ...], Note(allowed="some words")] = ("a", "b")
    inner: Inner = Inner()
    named: dict[str, Inner] = Field(default={})
    untold: StrictStr = "text"


def told(key: str) -> tuple[str, str]:
    about = Sample.model_fields[key]
    return allowed(key, about), default(about)


@pytest.mark.parametrize(
    ("key", "said", "otherwise"),
    [
        ("plain_s", "seconds, whole number from 1 to 9", "5"),
        ("least", "whole number from 1", ""),
        ("chosen_mib", "MiB, whole number from 1 to 9; odd", "whatever fits"),
        ("noted", "something else", "1"),
        ("inherited", "something small", "1"),
        ("kind", '"one" or "two"', ""),
        ("only", '"one"', '"one"'),
        ("switch", "true or false", "true"),
        ("words", "some words", '["a", "b"]'),
        ("untold", "", '"text"'),
    ],
)
def test_what_is_not_noted_follows_from_the_type(key: str, said: str, otherwise: str) -> None:
    assert told(key) == (said, otherwise)


def test_tables_are_called_tables() -> None:
    assert told("inner")[0] == "a table"
    assert told("named")[0] == "tables with names of your own"


def test_the_ending_of_a_key_is_the_unit_of_its_numbers() -> None:
    assert [unit(key) for key in ("a_mib", "a_ms", "a_s", "cpus", "a_smib")] == [
        *("MiB", "milliseconds", "seconds"),
        *("", ""),
    ]


def every_key() -> Iterator[tuple[str, str, FieldInfo]]:
    for name in keys((Lab,)):
        spot = locate(Lab, (name,))
        assert spot.about is not None
        if not spot.tables:
            yield name, name, spot.about
        for table in spot.tables:
            for key, about in table.model_fields.items():
                yield f"{name}.{key} of {table.__name__}", key, about


@pytest.mark.parametrize(
    ("key", "about"), [pytest.param(key, about, id=name) for name, key, about in every_key()]
)
def test_nothing_is_left_untold(key: str, about: FieldInfo) -> None:
    assert about.description, "what it means"
    assert allowed(key, about), "what it may be"
    assert about.is_required() or default(about), "what it is otherwise"

"""A record is what a frozen dataclass would be, and loads nothing for it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from wire.record import Record

WIRE = Path(__file__).parents[2] / "wire"


class Point(Record):
    """A value with a default."""

    x: int
    y: int = 0


def test_a_record_has_what_it_was_given_and_its_defaults() -> None:
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, y=2).replace(x=3) == Point(3, 2)
    assert repr(Point(1)) == "Point(x=1, y=0)"


def test_records_are_equal_by_value_and_kind() -> None:
    class Other(Record):
        x: int
        y: int = 0

    assert Point(1) == Point(y=0, x=1) != Point(2)
    assert len({Point(1), Point(y=0, x=1), Point(2)}) == 2
    assert Point(1) != Other(1)


def test_a_record_is_frozen() -> None:
    with pytest.raises(AttributeError, match="Point is frozen"):
        Point(1).x = 2  # type: ignore[misc]
    assert not hasattr(Point(1), "z")


@pytest.mark.parametrize(("values", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1})])
def test_a_record_has_its_fields_and_no_others(
    values: tuple[int, ...], named: dict[str, int]
) -> None:
    with pytest.raises(TypeError, match="Point has the fields x, y"):
        Point(*values, **named)


def test_wire_knows_the_standard_library_alone() -> None:
    known = {*sys.stdlib_module_names, "wire"}
    for path in WIRE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= known, path

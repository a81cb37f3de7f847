"""From the tables of a TOML file to a Lab, or to everything that is wrong with them at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from core.errors import HalabError
from labs.conflicts import Conflict, Conflicts
from labs.model import Lab

Tables = dict[str, Any]
Place = tuple[str | int, ...]

STAND_INS: Tables = {"version": 1, "name": "lab"}
"""What stands in for refused keys that have no default, so that the other rules can be tried."""

EXAMPLES: dict[Place, str] = {
    ("version",): "write version = 1, the only version there is",
    ("name",): 'write one like name = "my-lab"',
}
"""Hints for keys that have no default."""

SKIPPED = "default_factory_not_called"
"""Pydantic's follow-up to a problem with another key of the same table."""

MISSING = object()
"""No value at all, where None could be one."""

WIDEST_VALUE = 60
"""Longer values are shortened where they are shown."""


@dataclass(frozen=True)
class Problem:
    """One thing to change in a definition; `value` is what stands there now, as TOML writes it."""

    file: str
    key: str
    value: str
    allowed: str
    hint: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}\n    allowed: {self.allowed}\n    hint: {self.hint}"


class DefinitionError(HalabError):
    """A lab definition that cannot be used, with all of its problems."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(
            f"{file}: {count}",
            detail="\n".join(f"  {problem}" for problem in problems),
            hint="docs/lab-definition.md explains every key; nothing was changed",
        )
        self.problems = problems


def check(file: str, written: Tables) -> Lab:
    """Return the lab that these tables define; raises DefinitionError with every problem.

    Rules between keys speak only when each key is acceptable by itself. So what was refused is
    taken out and the rest is tried again, until nothing new is found.
    """
    rest = copy.deepcopy(written)
    problems: list[Problem] = []
    refused: set[str] = set()
    while True:
        try:
            lab = Lab.model_validate(rest)
        except ValidationError as error:
            found = [_Finding.of(detail) for detail in error.errors() if detail["type"] != SKIPPED]
        else:
            if problems:
                raise DefinitionError(file, tuple(problems))
            return lab
        flat = list(_flatten(found))
        fresh = [finding for finding in flat if not refused.intersection(finding.keys)]
        problems += [_problem(file, finding) for finding in fresh]
        refused.update(key for finding in flat for key in finding.keys)
        dropped = [_drop(rest, place) for finding in flat for place in finding.places]
        if not any(dropped):
            raise DefinitionError(file, tuple(problems))


@dataclass(frozen=True)
class _Finding:
    """Pydantic's error or one of our conflicts, with the places that it speaks of."""

    places: tuple[Place, ...]
    source: ErrorDetails | Conflict

    @classmethod
    def of(cls, detail: ErrorDetails) -> _Finding:
        return cls((detail["loc"],), detail)

    @property
    def keys(self) -> set[str]:
        """Dotted keys without list indices."""
        return {_dotted(word for word in place if isinstance(word, str)) for place in self.places}


def _flatten(found: Iterable[_Finding]) -> Iterator[_Finding]:
    for finding in found:
        error = _cause(finding.source)
        if not isinstance(error, Conflicts):
            yield finding
            continue
        (table,) = finding.places
        for conflict in error.found:
            places = tuple((*table, *_place(key)) for key in conflict.keys)
            yield _Finding(places, conflict)


def _problem(file: str, finding: _Finding) -> Problem:
    place, source = finding.places[0], finding.source
    if isinstance(source, Conflict):
        return Problem(file, _dotted(place), source.value, source.allowed, source.hint)
    if source["type"] == "extra_forbidden":
        return _unknown(file, place, source["input"])
    field = _field(place)
    missing = source["type"] == "missing"
    return Problem(
        file,
        key=_dotted(place),
        value="(missing)" if missing else _toml(source["input"]),
        allowed=field.description or source["msg"],
        hint=_hint(place, field, source),
    )


def _unknown(file: str, place: Place, value: object) -> Problem:
    table, key = place[:-1], str(place[-1])
    known = _keys(_model(table))
    if close := get_close_matches(key, known, n=1):
        hint = f"did you mean {close[0]}?"
    elif homes := [f"[{name}]" for name in _keys(Lab) if key in _keys(_model((name,)))]:
        hint = f"it belongs in {' or '.join(homes)}"
    else:
        hint = "remove it"
    where = f"[{_dotted(table)}]" if table else "the top level"
    return Problem(file, _dotted(place), _toml(value), f"in {where}: {', '.join(known)}", hint)


def _hint(place: Place, field: FieldInfo, source: ErrorDetails) -> str:
    if _model(place) is not None and len(place) == 1:
        return f"write [{place[0]}] on a line of its own and its keys below it"
    if place in EXAMPLES:
        return EXAMPLES[place]
    if (cause := _cause(source)) is not None:
        return str(cause)
    if source["type"] == "int_type" and isinstance(source["input"], str):
        return "numbers stand without quotes"
    if field.default not in (None, PydanticUndefined):
        default = field.default
        return f"the default is {_toml(list(default) if _listed(default) else default)}"
    if field.is_required():
        return "it has no default"
    return "without this key halab chooses"


def _cause(source: ErrorDetails | Conflict) -> Exception | None:
    """Return the exception that one of our own validators raised."""
    if isinstance(source, Conflict):
        return None
    cause = source.get("ctx", {}).get("error")
    return cause if isinstance(cause, Exception) else None


def _model(table: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model behind a place in the file, None where it is no table."""
    model: type[BaseModel] = Lab
    for word in table:
        if isinstance(word, int):
            # The entries of a list of tables are all alike.
            continue
        annotation = _fields(model)[word].annotation if word in _fields(model) else None
        if get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        model = annotation
    return model


def _fields(model: type[BaseModel]) -> dict[str | int, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [] if model is None else [str(key) for key in _fields(model)]


def _field(place: Place) -> FieldInfo:
    words = [word for word in place if isinstance(word, str)]
    model = _model(words[:-1])
    if model is None:
        raise KeyError(_dotted(place))
    return _fields(model)[words[-1]]


def _drop(tables: Tables, place: Place) -> bool:
    """Take a key out, a list as a whole, and say whether that changed anything."""
    words = [*takewhile(lambda word: isinstance(word, str), place)]
    table: Any = tables
    for word in words[:-1]:
        table = table.get(word) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return False
    key = str(words[-1])
    if len(words) == 1 and key in STAND_INS:
        before = table.get(key, MISSING)
        table[key] = STAND_INS[key]
        return before is not table[key]
    return table.pop(key, MISSING) is not MISSING


def _place(key: str) -> Place:
    """Read a dotted key as a conflict writes it: "nodes.names[1]"."""
    words: list[str | int] = []
    for part in key.split("."):
        name, bracket, index = part.partition("[")
        words.append(name)
        if bracket:
            words.append(int(index.removesuffix("]")))
    return tuple(words)


def _dotted(place: Iterable[str | int]) -> str:
    words = (f"[{word}]" if isinstance(word, int) else f".{word}" for word in place)
    return "".join(words).removeprefix(".")


def _listed(value: object) -> bool:
    return isinstance(value, tuple | list)


def _toml(value: object) -> str:
    if isinstance(value, str | bool | int | float | list | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = f'"{value}"'
    return text if len(text) <= WIDEST_VALUE else text[: WIDEST_VALUE - 3] + "..."

"""From the tables of a TOML file to a model, or to everything that is wrong with them at once."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import HalabError
from core.spelling import meant
from labs.conflicts import Conflict, Conflicts
from labs.notes import allowed, default, written
from labs.shape import KEY_MARK, KIND, Model, Place, Spot, dotted, keys, kinds, locate

Tables = dict[str, Any]
Definition = TypeVar("Definition", bound=BaseModel)

STAND_INS: Tables = {"version": 1, "name": "lab"}
"""What stands in for refused keys that have no default, so that the other rules can be tried."""

EXAMPLES: dict[Place, str] = {
    ("version",): "write version = 1, the only version there is",
    ("name",): 'write one like name = "my-lab"',
}
"""Hints for keys that have no default."""

CALLED = {
    **dict.fromkeys(("mariadb", "mysql"), "galera"),
    **dict.fromkeys(("postgres", "pgsql"), "postgresql"),
    **dict.fromkeys(("amazon", "ec2"), "aws"),
    **dict.fromkeys(("kvm", "qemu"), "libvirt"),
}
"""Other words for what is of a kind."""

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


def check(file: str, written: Tables, model: type[Definition]) -> Definition:
    """Return what these tables define; raises DefinitionError with every problem.

    Rules between keys speak only when each key is acceptable by itself. So what was refused is
    taken out and the rest is tried again, until nothing new is found.
    """
    rest = copy.deepcopy(written)
    problems: list[Problem] = []
    refused: set[str] = set()
    while True:
        try:
            definition = model.model_validate(rest)
        except ValidationError as error:
            found = _found(model, error.errors())
        else:
            if problems:
                raise DefinitionError(file, tuple(problems))
            return definition
        flat = list(_flatten(model, found))
        fresh = [finding for finding in flat if not finding.rests_on(refused)]
        problems += [_problem(file, model, finding) for finding in fresh]
        refused.update(key for finding in flat for key in finding.keys | finding.meant)
        dropped = [_drop(rest, place) for finding in flat for place in finding.unusable]
        if not any(dropped):
            raise DefinitionError(file, tuple(problems))


@dataclass(frozen=True)
class _Finding:
    """Pydantic's error or one of our conflicts, with the spots that it speaks of."""

    spots: tuple[Spot, ...]
    source: ErrorDetails | Conflict

    @property
    def keys(self) -> set[str]:
        """Dotted keys without list indices."""
        return {dotted(word for word in spot.place if isinstance(word, str)) for spot in self.spots}

    @property
    def meant(self) -> set[str]:
        """The key that was misspelt, dotted: what it says is as unknown as if it were refused."""
        if not _is_error(self.source, "extra_forbidden"):
            return set()
        (spot,) = self.spots
        return {dotted((*map(str, spot.place[:-1]), name)) for name in _close(spot)}

    def rests_on(self, refused: Collection[str]) -> bool:
        """Tell whether a key that was refused is part of this, so that nobody knows if it holds."""
        given = self.source.given if isinstance(self.source, Conflict) else ()
        return not self.keys.isdisjoint(refused) or any(
            fnmatchcase(key, pattern) and key.count(".") == pattern.count(".")
            for key in refused
            for pattern in given
        )

    @property
    def unusable(self) -> list[Place]:
        """What to take out so that the rest can be tried.

        The whole table where a key lacks, or where its kind cannot be: without that it is no table.
        """
        lacks = _is_error(self.source, "missing")
        return [
            spot.place[:-1] if (lacks or spot.chooses) and len(spot.place) > 1 else spot.place
            for spot in self.spots
        ]


def _found(model: Model, details: Iterable[ErrorDetails]) -> list[_Finding]:
    """Return what is wrong, once for each place: of a key of several types each type complains."""
    findings: dict[Place, _Finding] = {}
    for detail in details:
        if detail["type"] != SKIPPED:
            spot = locate(model, detail["loc"])
            findings.setdefault(spot.place, _Finding((spot,), detail))
    return list(findings.values())


def _flatten(model: Model, found: Iterable[_Finding]) -> Iterator[_Finding]:
    for finding in found:
        error = _cause(finding.source)
        if not isinstance(error, Conflicts):
            yield finding
            continue
        (table,) = finding.spots
        for conflict in error.found:
            spots = tuple(locate(model, (*table.place, *_place(key))) for key in conflict.keys)
            yield _Finding(spots, conflict)


def _problem(file: str, model: Model, finding: _Finding) -> Problem:
    spot, source = finding.spots[0], finding.source
    if isinstance(source, Conflict):
        return Problem(file, spot.key, source.value, source.allowed, source.hint)
    if source["type"] == "extra_forbidden":
        return _unknown(file, model, spot, source["input"])
    if source["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_kind(file, spot, source)
    missing = source["type"] == "missing"
    return Problem(
        file,
        key=spot.key,
        value="(missing)" if missing else _toml(source["input"]),
        allowed=_allowed(spot) or source["msg"],
        hint=_hint(spot, source),
    )


def _close(spot: Spot) -> list[str]:
    """Return the key that may have been meant by one that nobody knows."""
    return meant(str(spot.place[-1]), keys([spot.home] if spot.home else []))


def _unknown(file: str, model: Model, spot: Spot, value: object) -> Problem:
    key = str(spot.place[-1])
    known = keys([spot.home] if spot.home else [])
    if close := _close(spot):
        hint = f"did you mean {close[0]}?"
    elif table := _table_meant(model, spot, value):
        hint = f"did you mean [{table}]?"
    elif others := _other_kinds(model, spot):
        heading, names = others
        hint = f"it is for another kind of [{heading}], {names}: remove it"
    elif homes := [f"[{home}]" for home in _homes(model, key)]:
        hint = f"it belongs in {' or '.join(homes)}"
    else:
        hint = "remove it"
    where = f"[{dotted(spot.place[:-1])}]" if spot.place[:-1] else "the top level"
    return Problem(file, spot.key, _toml(value), f"in {where}: {', '.join(known)}", hint)


def _allowed(spot: Spot) -> str:
    return allowed(str(spot.place[-1]), spot.about) if spot.about else ""


def _homes(model: Model, key: str) -> Iterator[str]:
    """Return the tables, as a person heads them, that know a key."""
    for name in keys([model]):
        spot = locate(model, (name,))
        if key in keys(spot.tables):
            yield _heading(spot)


def _table_meant(model: Model, spot: Spot, value: object) -> str:
    """Return the heading that somebody may have meant who wrote a table below one that has none."""
    if not isinstance(value, dict) or len(spot.place) != 2:
        return ""
    free = [name for name in keys([model]) if locate(model, (name,)).named]
    close = meant(str(spot.place[0]), free)
    return dotted((close[0], spot.place[1])) if close else ""


def _other_kinds(model: Model, spot: Spot) -> tuple[str, str] | None:
    """Return the heading of a table that has this key in other kinds alone, and which they are."""
    above = locate(model, spot.place[:1])
    if len(spot.place) != 2 + above.named:
        return None
    others = [table for table in above.tables if spot.place[-1] in keys([table])]
    return (_heading(above), " or ".join(map(_toml, kinds(others)))) if others else None


def _heading(spot: Spot) -> str:
    """Write a table as a person heads it, without the brackets outside."""
    if spot.listed:
        return f"[{dotted(word for word in spot.place if isinstance(word, str))}]"
    return f"{spot.key}.NAME" if spot.named else spot.key


def _unknown_kind(file: str, spot: Spot, source: ErrorDetails) -> Problem:
    known = kinds(spot.tables)
    missing = source["type"] == "union_tag_not_found"
    tag = None if missing else source["input"][KIND]
    if missing:
        hint = f"write one like kind = {_toml(known[0])}"
    elif close := _kind_meant(str(tag), known):
        hint = f"did you mean {close[0]}?"
    else:
        hint = "choose one of these"
    return Problem(
        file,
        key=dotted((*spot.place, KIND)),
        value="(missing)" if missing else _toml(tag),
        allowed=", ".join(_toml(kind) for kind in known),
        hint=hint,
    )


def _kind_meant(word: str, known: Sequence[str]) -> list[str]:
    called = CALLED.get(word.casefold(), word)
    return [called] if called in known else meant(word, known)


def _hint(spot: Spot, source: ErrorDetails) -> str:
    if spot.tables and not isinstance(source["input"], dict):
        return f"write [{_heading(spot)}] on a line of its own and its keys below it"
    if spot.place in EXAMPLES:
        return EXAMPLES[spot.place]
    if (cause := _cause(source)) is not None:
        return str(cause)
    if source["type"] == "int_type" and isinstance(source["input"], str):
        return "numbers stand without quotes"
    if source["loc"][-1] == KEY_MARK:
        return "choose another name"
    if spot.about is None or spot.about.is_required():
        return "it has no default"
    return f"the default is {default(spot.about)}"


def _is_error(source: ErrorDetails | Conflict, kind: str) -> bool:
    return not isinstance(source, Conflict) and source["type"] == kind


def _cause(source: ErrorDetails | Conflict) -> Exception | None:
    """Return the exception that one of our own validators raised."""
    if isinstance(source, Conflict):
        return None
    cause = source.get("ctx", {}).get("error")
    return cause if isinstance(cause, Exception) else None


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


def _toml(value: object) -> str:
    return _short(written(value))


def _short(text: str) -> str:
    return text if len(text) <= WIDEST_VALUE else text[: WIDEST_VALUE - 3] + "..."

"""What a person is told of a key: what it may be, and what holds where it is left out.

Most of that follows from the key's type. The rest is a note beside it, as a person reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from labs.shape import models_in, plain

UNITS = {"_mib": "MiB", "_ms": "milliseconds", "_s": "seconds"}
"""What the ending of a key says of its numbers."""


@dataclass(frozen=True)
class Note:
    """What the type of a key does not say of it.

    `allowed` stands instead of what follows from the type, `besides` follows it. `default` says
    what halab takes for a key without a value that could be written there.
    """

    allowed: str = ""
    besides: str = ""
    default: str = ""


def allowed(key: str, about: FieldInfo) -> str:
    """Say what a key may be; nothing where neither its type nor a note tells."""
    note = _note(about)
    return "; ".join(filter(None, (note.allowed or _of_type(key, about), note.besides)))


def default(about: FieldInfo) -> str:
    """Say what a key is that is left out; nothing for one that may not be."""
    if words := _note(about).default:
        return words
    if about.is_required() or about.default is None:
        return ""
    return written(about.default)


def unit(key: str) -> str:
    """Return what a key's numbers count; nothing where the key does not say it."""
    return next((unit for ending, unit in UNITS.items() if key.endswith(ending)), "")


def written(value: object) -> str:
    """Write a value as TOML has it."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str | bool | int | float | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return f'"{value}"'


def _of_type(key: str, about: FieldInfo) -> str:
    annotation = plain(about.annotation)
    if get_origin(annotation) is Literal:
        *some, last = map(written, get_args(annotation))
        return f"{', '.join(some)} or {last}" if some else last
    if annotation is bool:
        return "true or false"
    if annotation is int:
        return ", ".join(filter(None, (unit(key), _bounds(about))))
    if get_origin(annotation) is dict:
        return "tables with names of your own"
    return "a table" if any(models_in(annotation)) else ""


def _bounds(about: FieldInfo) -> str:
    marks = list(_marks(about))
    lowest = [f" from {mark.ge}" for mark in marks if isinstance(mark, Ge)]
    highest = [f" to {mark.le}" for mark in marks if isinstance(mark, Le)]
    return "".join(("whole number", *lowest, *highest))


def _note(about: FieldInfo) -> Note:
    return next((mark for mark in _marks(about) if isinstance(mark, Note)), Note())


def _marks(about: FieldInfo) -> Iterator[object]:
    """Return everything that stands beside a key's type, the outermost first."""
    yield from reversed(about.metadata)
    yield from _inner(about.annotation)


def _inner(annotation: Any) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        for mark in reversed(marks):
            yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)
        yield from _inner(inner)
    elif get_origin(annotation) not in (tuple, list, dict, Literal):
        for member in get_args(annotation):
            yield from _inner(member)

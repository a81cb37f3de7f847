"""The manual's tables of keys, made from what the model says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from labs.model import Lab
from labs.notes import allowed, default, unit, written
from labs.shape import KIND, Model, alternatives, fields, keys, kinds, locate, models_in, plain

HEADER = ("key", "type", "default", "allowed", "meaning")

TYPES = {bool: "boolean", int: "number", float: "number", tuple: "list of strings"}
"""What TOML calls the values of these types; whatever else is a string."""

CODE = re.compile(
    r'\[\{.*?\}\]|\["[^\]]*\]|\[[a-z]+\]|"[^"]*"|\b[a-z]+(?:_[a-z]+)+\b|\bnodes\.names\b'
)
"""Values, tables and keys in running text."""

LINKS = {"taken word": "[taken word](#words-that-are-taken)"}

Cells = tuple[str, ...]


def headings() -> dict[str, tuple[Model, ...]]:
    """Return the tables of a definition as the manual heads them, those of all kinds together."""
    found: dict[str, tuple[Model, ...]] = {"Top level": (Lab,)}
    for name in keys((Lab,)):
        spot = locate(Lab, (name,))
        if spot.tables:
            found[f"[{name}.NAME]" if spot.named else f"[{name}]"] = spot.tables
    return found


def key_table(models: tuple[Model, ...]) -> str:
    """Return the table of all keys that these tables know."""
    rows: list[Cells] = [HEADER, ("---",) * len(HEADER)]
    for key in keys(models):
        owners = {model: fields(model)[key] for model in models if key in fields(model)}
        about = next(iter(owners.values()))
        inner = tuple(models_in(about.annotation))
        if inner and models == (Lab,):
            continue  # It has a heading of its own.
        rows.append((f"`{key}`", *_merged(key, owners, len(models))))
        for name, field in (fields(inner[0]) if inner else {}).items():
            rows.append((f"`{key}[].{name}`", *_cells(name, field)))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows).replace("| --- ", "|---", 5)


def _merged(key: str, owners: Mapping[Model, FieldInfo], count: int) -> Cells:
    """Return the cells of a key that several kinds of table may have, each in its own way."""
    if key == KIND and count > 1:
        said = {model: _cells(key, about) for model, about in owners.items()}
        meaning = "; ".join(f"{_kind(model)}: {cells[3]}" for model, cells in said.items())
        first = next(iter(said.values()))
        return (first[0], first[1], ", ".join(cells[2] for cells in said.values()), meaning)
    columns = [_column(dict(zip(owners, texts, strict=True))) for texts in _columns(key, owners)]
    if len(owners) < count:
        columns[2] += f"; for {' and '.join(map(_kind, owners))}"
    return tuple(columns)


def _columns(key: str, owners: Mapping[Model, FieldInfo]) -> list[Cells]:
    return list(zip(*(_cells(key, about) for about in owners.values()), strict=True))


def _column(texts: Mapping[Model, str]) -> str:
    """Return what holds for most, then what differs for the other kinds; a longer text says all."""
    longest = max(texts.values(), key=len)
    if all(longest.startswith(text) for text in texts.values()):
        return longest
    first, *_ = texts.values()
    others = [f"for {_kind(model)} {text}" for model, text in texts.items() if text != first]
    return "; ".join((first, *others))


def _cells(key: str, about: FieldInfo) -> Cells:
    counted = unit(key)
    may = allowed(key, about).removeprefix(f"{counted}, ").removeprefix("whole number ")
    otherwise = "required" if about.is_required() else marked(default(about))
    return (_type(key, about), otherwise, marked(may), marked(about.description or ""))


def _type(key: str, about: FieldInfo) -> str:
    annotation: Any = plain(about.annotation)
    if any(models_in(annotation)):
        return "list of tables"
    name = " or ".join(dict.fromkeys(map(_word, alternatives(annotation))))
    return f"{name}, {unit(key)}" if unit(key) else name


def _word(annotation: Any) -> str:
    annotation = plain(annotation)
    return TYPES.get(get_origin(annotation) or annotation, "string")


def _kind(model: Model) -> str:
    return f"`{written(*kinds((model,)))}`"


def marked(text: str) -> str:
    """Return text for the manual: values, tables and keys as code, and words that it explains."""
    parts = text.split("`")
    for number in range(0, len(parts), 2):
        parts[number] = CODE.sub(lambda found: f"`{found[0]}`", parts[number])
    found = "`".join(parts)
    for words, link in LINKS.items():
        found = found.replace(words, link)
    return found

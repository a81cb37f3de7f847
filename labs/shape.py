"""What the tables of a definition say about one place in it: its key, its table, its meaning.

Pydantic locates a problem with words that nobody wrote: the kind that chose between tables, the
type that it tried, the mark of a key. Here these are told from the words of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Place = tuple[str | int, ...]
"""Keys and list indices as the file has them."""

Model = type[BaseModel]

KIND = "kind"
"""The key that chooses between tables."""

LEADING = (KIND, "profile")
"""Keys that come first in every list: what the others are depends on them."""

KEY_MARK = "[key]"
"""Pydantic's word for the key itself, where a dict has free ones."""

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
"""What TOML takes as a key without quotes."""


@dataclass(frozen=True)
class Spot:
    """A place in the file. `home` is the table that holds it; None below what is no table.

    `about` is what the home says of this key; None for a key that it does not know. `name` is the
    type of the last key where that is a name that somebody chose.
    """

    place: Place
    annotation: Any
    home: Model | None
    about: FieldInfo | None
    name: Any = None

    @property
    def key(self) -> str:
        """The dotted key, as TOML writes it."""
        return dotted(self.place)

    @property
    def tables(self) -> tuple[Model, ...]:
        """The tables that may stand here; several where a kind chooses, none for a plain value."""
        return tuple(models_in(self.annotation))

    @property
    def chooses(self) -> bool:
        """Whether this is the kind without which nobody knows which table it stands in."""
        return self.place[-1:] == (KIND,) and self.about is not None and self.about.is_required()

    @property
    def listed(self) -> bool:
        """Whether tables stand here one after the other, without names."""
        return isinstance(self.place[-1], int) or _is_list(plain(self.annotation))

    @property
    def named(self) -> bool:
        """Whether tables with names of their own stand below this place."""
        return get_origin(plain(self.annotation)) is dict


def locate(root: Model, words: Iterable[str | int]) -> Spot:
    """Follow a location of pydantic's, or a place in the file, from the outermost table on."""
    spot = Spot((), root, None, None)
    for word in words:
        spot = _below(spot, word)
    return spot


def keys(models: Iterable[Model]) -> list[str]:
    """Return the keys that these tables know, each once."""
    return list(dict.fromkeys(str(key) for model in models for key in fields(model)))


def kinds(models: Iterable[Model]) -> list[str]:
    """Return the kinds that choose between these tables."""
    return [kind for model in models for kind in _kinds(model)]


def dotted(place: Iterable[str | int]) -> str:
    """Write a place as TOML writes a key, list indices in brackets."""
    words = (f"[{word}]" if isinstance(word, int) else f".{_quoted(word)}" for word in place)
    return "".join(words).removeprefix(".")


def plain(annotation: Any) -> Any:
    """Take off what surrounds a type: notes about it, and that it may be left out."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif _is_union(annotation) and len(rest := alternatives(annotation)) == 1:
            (annotation,) = rest
        else:
            return annotation


def alternatives(annotation: Any) -> list[Any]:
    """Return the types that a value may be of, besides none at all; one where it is no union."""
    if not _is_union(annotation):
        return [annotation]
    return [member for member in get_args(annotation) if member is not NoneType]


def fields(model: Model) -> dict[str, FieldInfo]:
    """Return the keys of a table, as the file has them, and what it says of each."""
    found = {field.alias or name: field for name, field in model.model_fields.items()}
    return dict(sorted(found.items(), key=lambda item: item[0] not in LEADING))


def models_in(annotation: Any) -> Iterator[Model]:
    """Return the tables that stand somewhere in a type, each kind of them."""
    annotation = plain(annotation)
    if _is_model(annotation):
        yield annotation
    elif _is_union(annotation):
        for member in alternatives(annotation):
            yield from models_in(member)
    elif get_origin(annotation) is dict:
        yield from models_in(get_args(annotation)[1])
    elif _is_list(annotation):
        yield from models_in(get_args(annotation)[0])


def _below(spot: Spot, word: str | int) -> Spot:
    annotation = plain(spot.annotation)
    if word == KEY_MARK:
        return replace(spot, annotation=None, about=_about(spot.name))
    if get_origin(annotation) is dict:
        name, value = get_args(annotation)
        return replace(spot, place=(*spot.place, word), annotation=value, name=name)
    if _is_list(annotation):
        return replace(spot, place=(*spot.place, word), annotation=get_args(annotation)[0])
    if _is_union(annotation):
        models = list(models_in(annotation))
        kind = next((model for model in models if word in _kinds(model)), None)
        if kind is not None or not models:
            return replace(spot, annotation=kind)
        # Rules between tables name a key without the kind of its table.
        annotation = next((model for model in models if word in fields(model)), models[0])
    place = (*spot.place, word)
    if not _is_model(annotation):
        return Spot(place, None, None, None)
    about = fields(annotation).get(str(word))
    return Spot(place, about.annotation if about else None, annotation, about)


def _about(annotation: Any) -> FieldInfo | None:
    return None if annotation is None else FieldInfo.from_annotation(annotation)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _kinds(model: Model) -> tuple[Any, ...]:
    field = model.model_fields.get(KIND)
    literal = field is not None and get_origin(field.annotation) is Literal
    return get_args(field.annotation) if field is not None and literal else ()


def _quoted(word: str) -> str:
    return word if BARE_KEY.fullmatch(word) else json.dumps(word, ensure_ascii=False)

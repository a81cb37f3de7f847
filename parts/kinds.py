"""The kinds of one sort of part, found where they stand: each in a module of its sort's package."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import ClassVar, Protocol, TypeVar


class Kind(Protocol):
    """A class that says of which kind it is, in the word that a lab's definition has for it."""

    kind: ClassVar[str]


K = TypeVar("K", bound=Kind)
T = TypeVar("T")


def kinds_in(package: str, sort: type[K]) -> dict[str, type[K]]:
    """Return the classes of a sort that say a kind of their own, by that."""
    for module in pkgutil.iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return {each.kind: each for each in below(sort) if "kind" in vars(each)}


def below(sort: type[T]) -> tuple[type[T], ...]:
    """Return everything that is made of a class, in the order in which it was."""
    return tuple(each for made in sort.__subclasses__() for each in (made, *below(made)))

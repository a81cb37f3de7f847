"""Frozen values with named fields, without the modules that dataclasses and NamedTuple load.

The collector starts every few seconds. In an emulated guest dataclasses (with inspect) would make
each start 120 ms longer, typing's NamedTuple 50 ms; this takes less than 5.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """Stand in for what only tells type checkers about fields."""
        return lambda record: record


@dataclass_transform(frozen_default=True)
class Record:
    """A frozen value. Subclasses declare fields, and defaults, as those of a dataclass.

    Raises TypeError for a field that is unknown or not given.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, object]] = {}

    def __init_subclass__(cls) -> None:
        """Take over what the subclass declares."""
        cls._fields = tuple(cls.__annotations__)
        cls._defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}

    def __init__(self, *values: object, **named: object) -> None:
        given = {**self._defaults, **dict(zip(self._fields, values, strict=False)), **named}
        if given.keys() != set(self._fields) or len(values) > len(self._fields):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(self._fields)}")
        self.__dict__.update(given)

    def replace(self, **changes: Any) -> Self:
        """Return a copy in which some fields are different."""
        return type(self)(**{**self.__dict__, **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__[name] for name in self._fields))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._fields)
        return f"{type(self).__name__}({told})"

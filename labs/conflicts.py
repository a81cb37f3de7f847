"""Rules that no single key breaks by itself: what they found, all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Conflict:
    """Values that contradict each other.

    `keys` are dotted, the one to blame first; `value` is what stands there now. `given` are other
    keys and tables that this follows from, "*" for a name of any kind: where one of these was
    refused, nobody knows whether there is a conflict.
    """

    keys: tuple[str, ...]
    value: str
    allowed: str
    hint: str
    given: tuple[str, ...] = ()

    def renamed(self, name: Callable[[str], str]) -> Conflict:
        """Return the same about keys that are called otherwise."""
        return replace(self, keys=tuple(map(name, self.keys)), given=tuple(map(name, self.given)))

    def __str__(self) -> str:
        return f"{self.keys[0]} = {self.value}: allowed: {self.allowed}; {self.hint}"


class Conflicts(ValueError):
    """All conflicts of one model; a ValueError so that pydantic carries it to the reader."""

    def __init__(self, found: tuple[Conflict, ...]) -> None:
        super().__init__("; ".join(map(str, found)))
        self.found = found

    @classmethod
    def raise_any(cls, found: Iterable[Conflict]) -> None:
        """Raise when there is at least one conflict."""
        if conflicts := tuple(found):
            raise cls(conflicts)

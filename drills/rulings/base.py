"""What a ruling is."""

from __future__ import annotations

from collections.abc import Callable, Collection

from drills.findings import Findings

Ruling = tuple[bool | None, str]
"""Whether it holds (None: could not be told), and the evidence."""

Rule = Callable[[Findings], Ruling]


def names(machines: Collection[str]) -> str:
    """Name machines, in the same order each time."""
    return ", ".join(sorted(machines)) or "nobody"

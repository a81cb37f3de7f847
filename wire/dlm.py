"""Lockspaces of the kernel's lock manager, as its daemon tells of them."""

from __future__ import annotations

from wire.record import Record

COMMAND = "dlm_tool ls"
"""A paragraph for each lockspace, a word or two and a value a line."""


class Lockspace(Record):
    """One lockspace on one node. `members` are the numbers of the nodes that are in it.

    `waits` is what its locks wait for, as "fencing" or "quorum": none is granted meanwhile. None
    where they are granted.
    """

    members: frozenset[int]
    waits: str | None


def parse_lockspaces(text: str) -> dict[str, Lockspace]:
    """Read what COMMAND prints, by the lockspaces' names; none where no daemon answers."""
    found: dict[str, Lockspace] = {}
    name = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["name"] and len(words) == 2:
            name = words[1]
            found[name] = Lockspace(members=frozenset(), waits=None)
        elif words[:1] == ["members"] and name:
            numbers = frozenset(int(word) for word in words[1:] if word.isdigit())
            found[name] = found[name].replace(members=numbers)
        elif words[:3] == ["new", "status", "wait"] and name:
            found[name] = found[name].replace(waits=" ".join(words[3:]))
    return found

"""Every fault for a lab: how it is made, what it teaches, and what has to happen."""

from __future__ import annotations

from core.errors import HalabError
from drills.drill import Drill
from drills.entries import arbiters, copies, daemons, machines, networks, people, resources, storage

_ENTRIES = (
    *machines.ENTRIES,
    *daemons.ENTRIES,
    *networks.ENTRIES,
    *arbiters.ENTRIES,
    *storage.ENTRIES,
    *resources.ENTRIES,
    *copies.ENTRIES,
    *people.ENTRIES,
)

CATALOGUE = {entry.name: entry for entry in _ENTRIES}
"""All drills by name."""


def find(name: str) -> Drill:
    """Return a drill by name; raises HalabError for one that is not in the catalogue."""
    try:
        return CATALOGUE[name]
    except KeyError as error:
        raise HalabError(
            f"no fault is called {name!r}",
            hint=f"`./halab drills` tells about them: {', '.join(CATALOGUE)}",
        ) from error

"""What the monitoring watches of a part: what it adds to the templates, and to the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from parts.host import render


@dataclass(frozen=True)
class Watched:
    """Items and triggers, as Zabbix exports them: YAML, whose templates others add to as well.

    A text that a lab has several times is set `apart` by a word: from that, its UUIDs are made.
    """

    text: str
    apart: str = ""


def watched(name: str, /, *, apart: str = "", **values: object) -> Watched:
    """Return a text of parts/templates/watched with these values."""
    return Watched(render(f"watched/{name}.yaml.j2", **values), apart)


class Place(IntEnum):
    """Where a column stands in the dashboard's table of nodes, from left to right."""

    STATE = 0
    DATA = 1
    VOTES = 2
    LINKS = 3
    ADDRESSES = 4


@dataclass(frozen=True)
class Column:
    """A column of the dashboard's table of nodes: a heading, and the name of an item of theirs."""

    place: Place
    heading: str
    item: str

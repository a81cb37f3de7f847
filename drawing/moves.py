"""Draws where services go when something happens: a row for each event, a column for each node.

All measures in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from drawing.boxes import BETWEEN, BOX, GAP, INSET, LINE, PADDING
from drawing.svg import Canvas

EDGE, EVENTS, TITLE = 24.0, 236.0, 62.0
"""The margin, the column of events, and the height of what stands above everything."""

HEAD = 30.0
"""The height of a node's name."""

LETTERS = 28
"""How many letters find room in the column of events, in bold monospace."""


@dataclass(frozen=True)
class Moment:
    """Where everything is, now or after an event.

    `services` are nodes by service, `addresses` a node by address: None for nowhere. `restarted`
    are nodes on which a service dies and starts again; `lost` are nodes that are fenced. `remark`
    says what else there is to know.
    """

    event: str
    services: Mapping[str, Sequence[str]]
    addresses: Mapping[str, str | None]
    restarted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    remark: str = ""

    def on(self, node: str) -> tuple[str, ...]:
        """Return the services and the addresses that are at a node."""
        served = (name for name, nodes in self.services.items() if node in nodes)
        held = (address for address, at in self.addresses.items() if at == node)
        return (*served, *held)

    @property
    def nowhere(self) -> tuple[str, ...]:
        """The services and the addresses that nobody has."""
        still = (name for name, nodes in self.services.items() if not nodes)
        free = (address for address, at in self.addresses.items() if at is None)
        return (*still, *free)


def draw_moves(lab: str, nodes: Sequence[str], now: Moment, later: Sequence[Moment]) -> str:
    """Return a picture of what events do to a lab, as the text of an SVG file."""
    rows = (now, *later)
    heights = [_height(nodes, row) for row in rows]
    width = EDGE + EVENTS + len(nodes) * (BOX + BETWEEN) - BETWEEN + EDGE
    canvas = Canvas(width, TITLE + sum(heights) + len(rows) * BETWEEN / 2 + EDGE)
    canvas.text(EDGE, EDGE + 18, f"{lab}: what if", "ink title")
    y = TITLE
    for row, height in zip(rows, heights, strict=True):
        _row(canvas, nodes, now, row, y, height)
        y += height + BETWEEN / 2
    return canvas.finished(f"What events do to lab {lab}", " ".join(map(_sentence, rows)))


def _row(
    canvas: Canvas, nodes: Sequence[str], now: Moment, row: Moment, y: float, height: float
) -> None:
    for number, (line, css) in enumerate(_words(row)):
        canvas.text(EDGE, y + 20 + number * LINE, line, css)
    for number, node in enumerate(nodes):
        x = EDGE + EVENTS + number * (BOX + BETWEEN)
        gone = node in row.lost
        canvas.box(x, y, BOX, height, f"panel rule edge{' dashed' if gone else ''}", radius=10)
        canvas.text(x + INSET + PADDING, y + 20, node, "soft mono" if gone else "ink mono strong")
        if gone:
            canvas.text(x + BOX - INSET - PADDING, y + 20, "fenced", "soft small end")
        for place, what in enumerate(row.on(node)):
            card = y + HEAD + place * (LINE + PADDING + GAP / 2)
            _card(canvas, x + INSET, card, what, _news(now, row, node, what))


def _card(canvas: Canvas, x: float, y: float, what: str, news: str) -> None:
    width, height = BOX - 2 * INSET, LINE + PADDING
    if news:
        canvas.box(x, y, width, height, "service-fill tint")
    canvas.box(x, y, width, height, f"none {'service' if news else 'rule'} edge")
    canvas.text(x + PADDING, y + 16.5, what, "ink mono strong" if news else "ink mono")
    if news:
        canvas.text(x + width - PADDING, y + 16.5, news, "soft small end")


def _news(now: Moment, row: Moment, node: str, what: str) -> str:
    """Say what is new about something at a node; "" when it was there and stays."""
    if what not in now.on(node):
        return "comes here"
    return "starts again" if node in row.restarted.get(what, ()) else ""


def _height(nodes: Sequence[str], row: Moment) -> float:
    most = max(len(row.on(node)) for node in nodes)
    cards = HEAD + most * (LINE + PADDING + GAP / 2) + GAP / 2
    return max(cards, 20 + len(_words(row)) * LINE)


def _words(row: Moment) -> list[tuple[str, str]]:
    """Return the lines beside a row, each with its look."""
    missing = f"nowhere: {', '.join(row.nowhere)}" if row.nowhere else ""
    said = (line for each in (row.remark, missing) for line in wrap(each, LETTERS))
    return [
        *((line, "ink mono strong") for line in wrap(row.event, LETTERS)),
        *((line, "soft") for line in said),
    ]


def _sentence(row: Moment) -> str:
    """Say a row for those who cannot see it."""
    services = {name: ", ".join(nodes) or "nowhere" for name, nodes in row.services.items()}
    held = {address: node or "nowhere" for address, node in row.addresses.items()}
    return f"{row.event}: " + "; ".join(f"{k} {v}" for k, v in (services | held).items()) + "."

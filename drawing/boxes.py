"""The boxes of a picture: machines, and in them the cards of what they run. All measures in pixels.

A card has the same place in every node, so that arrows between them are level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from drawing.scene import Scene, title
from drawing.svg import Canvas
from inventory.model import Machine
from inventory.parts import Service, Storage

BOX, BETWEEN = 196.0, 40.0
"""The width of a machine: of its longest address with its port, in monospace; and what is between
two, for an arrow."""

HEAD, FOOT, LINE, PADDING, GAP, INSET = 56.0, 52.0, 17.0, 8.0, 10.0, 10.0
"""Heights: of a machine's name and size, of a node's daemons, of a line in a card, of the space
around its lines, and between cards. A card is that much narrower than its box on either side."""

CARD = BOX - 2 * INSET

PASSING, HEAD_LENGTH = 36.0, 9.0
"""What is between a card and that of the service behind it, and the length of an arrow's head."""


@dataclass(frozen=True)
class Slot:
    """The place of one card in every node, below the upper edge of the box."""

    part: Service | Storage
    y: float
    height: float


def slots(scene: Scene) -> tuple[Slot, ...]:
    """Return the places of all services, each with the data that it has, from top to bottom."""
    found: list[Slot] = []
    y = HEAD
    for service in scene.services:
        store = scene.inventory.storage_of(service)
        for part in (service, store):
            if part is not None:
                lines = 3 if part is service and store else 2
                found.append(Slot(part, y, lines * LINE + 2 * PADDING))
                y += found[-1].height + (PASSING if scene.behind(service) else GAP)
    return tuple(found)


def node_height(scene: Scene) -> float:
    """Return the height of every node."""
    last = slots(scene)[-1]
    return last.y + last.height + FOOT


def monitor_height(scene: Scene) -> float:
    """Return the height of the monitor."""
    duties = scene.duties(scene.inventory.monitor)
    return HEAD + len(duties) * (LINE + PADDING + GAP / 2) + GAP / 2


def draw_node(canvas: Canvas, scene: Scene, node: Machine, x: float, y: float) -> None:
    """Draw a cluster node with its upper left corner here."""
    height = node_height(scene)
    _frame(canvas, scene, node, x, y, height)
    for slot in slots(scene):
        if node not in scene.nodes_of(slot.part):
            continue
        if isinstance(slot.part, Storage):
            _disk(canvas, scene, slot, slot.part, x + INSET, y)
        else:
            _service(canvas, scene, slot, slot.part, node, x + INSET, y)
    daemons = scene.duties(node)
    half = (len(daemons) + 1) // 2
    for number, words in enumerate((daemons[:half], daemons[half:])):
        place = y + height - FOOT + 20 + number * LINE
        canvas.text(x + INSET + PADDING, place, ", ".join(words), "soft")


def draw_monitor(canvas: Canvas, scene: Scene, x: float, y: float) -> None:
    """Draw the monitor with its upper left corner here."""
    monitor = scene.inventory.monitor
    _frame(canvas, scene, monitor, x, y, monitor_height(scene))
    high = LINE + PADDING
    for number, duty in enumerate(scene.duties(monitor)):
        top = y + HEAD + number * (high + GAP / 2)
        canvas.box(x + INSET, top, CARD, high, "none rule edge")
        canvas.text(x + INSET + PADDING, top + 16.5, duty, "ink")


def draw_moves(
    canvas: Canvas, scene: Scene, node: Machine, columns: Mapping[str, float], y: float
) -> None:
    """Draw what goes on between a node and the one before it that has the same card.

    Nodes begin at `columns`, by name.
    """
    for slot in slots(scene):
        for left, right in pairwise(scene.nodes_of(slot.part)):
            if right == node:
                start, end = columns[left.name] + BOX - INSET, columns[right.name] + INSET
                between = sorted(x for x in columns.values() if start < x and x + BOX < end)
                _move(canvas, scene, slot, (start, *_edges(between), end), y)


def _edges(boxes: Sequence[float]) -> Iterator[float]:
    """Yield where a line ends and goes on that passes behind boxes which begin here."""
    for x in boxes:
        yield from (x, x + BOX)


def _move(canvas: Canvas, scene: Scene, slot: Slot, stops: Sequence[float], y: float) -> None:
    """Draw a line from the first of these stops to the last; it is hidden in every other gap."""
    start, *edges, end = stops
    if isinstance(slot.part, Storage):
        middle, css = y + slot.y + slot.height / 2, "replication"
    elif slot.part.addresses:
        middle, css = y + slot.y + PADDING + 9, "service dashed"
    else:
        return
    if isinstance(slot.part, Storage) and not slot.part.replicated:
        # It is one disk: nothing goes from here to there.
        _line(canvas, (start, *edges, end), middle, css)
        return
    # What moves and comes home goes both ways.
    both = isinstance(slot.part, Storage) or bool(scene.inventory.homes(slot.part))
    _line(canvas, (start + (9 if both else 2), *edges, end - 9), middle, css)
    canvas.head(end - 2, middle, HEAD_LENGTH, 0, f"{css.split()[0]}-fill")
    if both:
        canvas.head(start + 2, middle, -HEAD_LENGTH, 0, f"{css.split()[0]}-fill")


def _line(canvas: Canvas, stops: Sequence[float], y: float, css: str) -> None:
    for begin, end in zip(stops[::2], stops[1::2], strict=True):
        canvas.line(begin, y, end, y, f"line {css}")


def draw_requests(canvas: Canvas, scene: Scene, columns: Sequence[float], y: float) -> None:
    """Draw who passes requests to whom: each to all. Nodes begin at `columns`, from left to right.

    What is passed stands right below what passes it.
    """
    for upper, lower in pairwise(slots(scene)):
        passing = upper.part
        if not isinstance(passing, Service) or scene.behind(passing) is None:
            continue
        begin, end = y + upper.y + upper.height, y + lower.y
        rail = end - (PASSING + HEAD_LENGTH) / 2
        middles = [x + BOX / 2 for x in columns]
        canvas.line(middles[0], rail, middles[-1], rail, "line service")
        for node, middle in zip(scene.inventory.nodes, middles, strict=True):
            above = begin if scene.place_on(passing, node) else rail
            canvas.line(middle, above, middle, end - HEAD_LENGTH, "line service")
            canvas.head(middle, end - 2, 0, HEAD_LENGTH, "service-fill")


def _frame(
    canvas: Canvas, scene: Scene, machine: Machine, x: float, y: float, height: float
) -> None:
    canvas.box(x, y, BOX, height, "panel rule edge", radius=10)
    canvas.text(x + INSET + PADDING, y + 26, machine.name, "ink name")
    canvas.text(x + INSET + PADDING, y + 44, scene.size_of(machine), "soft")


def _service(
    canvas: Canvas, scene: Scene, slot: Slot, service: Service, node: Machine, x: float, y: float
) -> None:
    top = y + slot.y
    place = scene.place_on(service, node)
    if place is None:
        canvas.box(x, top, CARD, slot.height, "none service edge dashed")
        middle = top + slot.height / 2 + 4
        canvas.text(x + CARD / 2, middle, "stands by", "soft middle")
        return
    canvas.box(x, top, CARD, slot.height, "service-fill tint")
    canvas.box(x, top, CARD, slot.height, "none service edge")
    store = scene.inventory.storage_of(service)
    foot = top + PADDING + 13
    canvas.text(x + PADDING, foot, place, "ink mono strong")
    _pair(canvas, x, foot + LINE, service.name, title(service.settings.kind))
    if store is not None:
        canvas.text(x + PADDING, foot + 2 * LINE, store.mount_point, "soft mono")


def _disk(canvas: Canvas, scene: Scene, slot: Slot, store: Storage, x: float, y: float) -> None:
    top = y + slot.y
    canvas.box(x, top, CARD, slot.height, "replication-fill tint")
    canvas.box(x, top, CARD, slot.height, "none replication edge")
    foot = top + PADDING + 13
    _pair(canvas, x, foot, store.name, title(store.settings.kind))
    canvas.text(x + PADDING, foot + LINE, scene.size_of_disk(store), "soft")


def _pair(canvas: Canvas, x: float, y: float, name: str, kind: str) -> None:
    """Write a part's name at the left of its card, and at the right what it is."""
    canvas.text(x + PADDING, y, name, "ink mono")
    canvas.text(x + CARD - PADDING, y, kind, "soft small end")

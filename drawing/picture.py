"""Draws a lab as a picture: machines side by side, networks above and below. Measures in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from drawing.boxes import (
    BETWEEN,
    BOX,
    draw_monitor,
    draw_moves,
    draw_node,
    draw_requests,
    node_height,
)
from drawing.scene import Scene, Segment, title
from drawing.svg import Canvas
from labs.roles import NetworkRole

EDGE, LABELS, CAP = 24.0, 200.0, 104.0
"""The margin, the column of networks' names, and what stands at the right end of a network."""

ABOVE = (NetworkRole.MANAGEMENT, NetworkRole.SERVICE)
BELOW = (NetworkRole.CLUSTER_A, NetworkRole.REPLICATION, NetworkRole.CLUSTER_B)
"""From top to bottom."""

FENCING = "fencing"
"""The class of the disk that all nodes share: drawn as a network is."""

APART, NEAR, BEYOND = 56.0, 44.0, 24.0
"""Between two networks, from a machine to the nearest, and how far one goes beyond the last node:
the longest address ends before that."""

FIRST_DROP, NEXT_DROP = 20.0, 30.0
"""From a machine's left edge to the first of its lines, and to the next."""

LETTER = 7.2
"""The width of a letter in running text, with some room to spare; descriptions break by it."""


@dataclass(frozen=True)
class Bus:
    """A level line that machines are joined to. `css` names its colour, `words` its beginning."""

    css: str
    y: float
    words: tuple[str, str, str]


def draw(scene: Scene) -> str:
    """Return a picture of a lab as the text of an SVG file, the same for the same lab."""
    return _Picture(scene).drawn()


class _Picture:
    """A lab with a place for everything."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        inventory = scene.inventory
        self.left = EDGE + LABELS
        self.columns = {
            machine.name: self.left + number * (BOX + BETWEEN)
            for number, machine in enumerate((*inventory.nodes, inventory.monitor))
        }
        self.nodes_end = self.columns[inventory.nodes[-1].name] + BOX + BEYOND
        self.end = self.columns[inventory.monitor.name] + BOX + EDGE
        self.width = self.end + CAP + EDGE
        letters = int((self.width - 2 * EDGE) / LETTER)
        self.said = [line.plain for line in Text(scene.description).wrap(Console(), letters)]
        segments = scene.segments
        top = EDGE + 58 + 18 * len(self.said)
        self.above = {role: _bus(segments[role], top + n * APART) for n, role in enumerate(ABOVE)}
        self.boxes = top + APART + NEAR
        top = self.boxes + node_height(scene) + NEAR
        self.below = {role: _bus(segments[role], top + n * APART) for n, role in enumerate(BELOW)}
        fencing = scene.fencing
        shared = (fencing.name, title(inventory.fencing.kind), fencing.what)
        self.disk = Bus(FENCING, top + len(BELOW) * APART, shared)
        self.legend = tuple(_legend(scene))
        self.canvas = Canvas(self.width, self.disk.y + 62 + 20 * len(self.legend))

    def drawn(self) -> str:
        """Draw everything, the hindmost first."""
        self._words()
        self._buses()
        for machine in (*self.scene.inventory.nodes, self.scene.inventory.monitor):
            x = self.columns[machine.name]
            has = machine.interfaces
            above = [(bus, str(has[role].address.ip)) for role, bus in self.above.items()]
            below = [
                (bus, str(has[role].address.ip)) for role, bus in self.below.items() if role in has
            ]
            self._drops(above, x, self.boxes, foot=16)
            if below:
                edge = self.boxes + node_height(self.scene)
                self._drops([(self.disk, ""), *reversed(below)], x, edge, foot=-7)
        for node in self.scene.inventory.nodes:
            draw_node(self.canvas, self.scene, node, self.columns[node.name], self.boxes)
            draw_moves(self.canvas, self.scene, node, self.columns, self.boxes)
        columns = [self.columns[node.name] for node in self.scene.inventory.nodes]
        draw_requests(self.canvas, self.scene, columns, self.boxes)
        monitor = self.scene.inventory.monitor
        draw_monitor(self.canvas, self.scene, self.columns[monitor.name], self.boxes)
        name, description = self.scene.lab.name, self.scene.description
        heading = f"The lab {name}: {description}" if description else f"The lab {name}"
        return self.canvas.finished(heading, self.scene.words)

    def _words(self) -> None:
        canvas, scene = self.canvas, self.scene
        canvas.text(EDGE, EDGE + 18, scene.lab.name, "ink title")
        for number, line in enumerate(self.said):
            canvas.text(EDGE, EDGE + 40 + 18 * number, line, "soft")
        for number, (name, meaning) in enumerate(self.legend):
            foot = self.disk.y + 60 + 20 * number
            canvas.text(EDGE, foot, name, "ink strong")
            canvas.text(self.left, foot, meaning, "ink")

    def _buses(self) -> None:
        for bus in (*self.above.values(), *self.below.values(), self.disk):
            name, subnet, purpose = bus.words
            self.canvas.text(EDGE, bus.y - 8, name, "ink strong")
            self.canvas.text(EDGE, bus.y + 6, subnet, "ink mono")
            self.canvas.text(EDGE, bus.y + 20, purpose, "soft small")
        begin = self.left - 8
        for bus in self.above.values():
            self.canvas.line(begin, bus.y, self.end, bus.y, f"bus {bus.css}")
        for role, bus in self.below.items():
            bond = " bond" if role is NetworkRole.REPLICATION else ""
            self.canvas.line(begin, bus.y, self.nodes_end, bus.y, f"bus {bus.css}{bond}")
        self._bond(self.nodes_end)
        self.canvas.line(begin, self.disk.y, self.nodes_end, self.disk.y, "bus fencing")
        if self.scene.inventory.fencing_disk:
            self.canvas.cylinder(self.nodes_end, self.disk.y - 17, 38, 34, "panel fencing edge")
        self._caps()

    def _bond(self, x: float) -> None:
        """Tie replication to the networks that it runs on."""
        tied = [self.below[role].y for role in self.scene.carriers]
        ends = [*tied, self.below[NetworkRole.REPLICATION].y]
        self.canvas.line(x, min(ends), x, max(ends), "line replication")
        for y in tied:
            self.canvas.dot(x, y, 4, "replication-fill")

    def _caps(self) -> None:
        """Name who is at the ends of the networks that lead out of the lab."""
        told = {
            NetworkRole.MANAGEMENT: ("halab, you", self.scene.platform),
            NetworkRole.SERVICE: ("clients", ""),
        }
        for role, (who, address) in told.items():
            y, css = self.above[role].y, self.above[role].css
            self.canvas.box(self.end, y - 14, CAP, 28, f"panel {css} edge", radius=14)
            self.canvas.text(self.end + CAP / 2, y + 4, who, "ink middle")
            if address:
                self.canvas.text(self.end + CAP / 2, y + 29, address, "soft small mono middle")

    def _drops(
        self, buses: Sequence[tuple[Bus, str]], x: float, edge: float, *, foot: float
    ) -> None:
        """Join a machine to networks, the farthest first: its line stands leftmost.

        So no line crosses an address. `foot` is where addresses stand, below their network's line.
        """
        for number, (bus, address) in enumerate(buses):
            place = x + FIRST_DROP + number * NEXT_DROP
            towards = 6 if bus.y < edge else -6
            # What is crossed on the way gives way.
            self.canvas.line(place, edge, place, bus.y + towards, "halo")
            self.canvas.line(place, edge, place, bus.y, f"line {bus.css}")
            self.canvas.dot(place, bus.y, 5, f"{bus.css}-fill")
            self.canvas.text(place + 8, bus.y + foot, address, "ink small mono")


def _legend(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what is said below, each with what it is about."""
    yield "quorum", f"{scene.inventory.quorum} {scene.decides}"
    if scene.rented:
        whose, what, price = scene.rented
        yield whose, what
        yield "price", price
    for storage in scene.inventory.storage:
        if not storage.replicated:
            yield "plain line", f"{storage.name} is one disk that all nodes are attached to"
    yield "dashed arrows", "where clients find a service when a node fails"
    for service in scene.services:
        if behind := scene.behind(service):
            passed = f"{service.name} passes each request to {behind.name}, on any node"
            yield "arrows down", f"{passed} where that answers"


def _bus(segment: Segment, y: float) -> Bus:
    return Bus(segment.role.value, y, (segment.role.value, str(segment.subnet), segment.purpose))

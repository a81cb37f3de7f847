"""Writes SVG: shapes with classes, and one style sheet for light and for dark grounds.

Colours stand in the style sheet as they are, not as variables: what draws SVG outside of browsers
knows no variables, and passes over the part for dark grounds.
"""

from __future__ import annotations

from xml.etree import ElementTree

from drawing.colours import (
    BLUE,
    GREEN,
    INK,
    PAGE,
    PANEL,
    PURPLE,
    RULE,
    SKY,
    SOFT,
    VERMILION,
    Colour,
)

FILLS = {
    "page": PAGE,
    "panel": PANEL,
    "ink": INK,
    "soft": SOFT,
    "management-fill": SOFT,
    "service-fill": GREEN,
    "cluster-a-fill": BLUE,
    "cluster-b-fill": SKY,
    "replication-fill": PURPLE,
    "fencing-fill": VERMILION,
}
STROKES = {
    "rule": RULE,
    "halo": PAGE,
    "management": SOFT,
    "service": GREEN,
    "cluster-a": BLUE,
    "cluster-b": SKY,
    "replication": PURPLE,
    "fencing": VERMILION,
}
"""What classes paint: the colour of a surface or a text, and that of a line."""

SHEET = """
text { font-family: sans-serif; font-size: 12px }
.mono { font-family: monospace }
.strong { font-weight: bold }
.name { font-family: monospace; font-size: 15px; font-weight: bold }
.title { font-family: monospace; font-size: 20px; font-weight: bold }
.small { font-size: 11px }
.middle { text-anchor: middle }
.end { text-anchor: end }
.line { fill: none; stroke-width: 2 }
.bus { fill: none; stroke-width: 3; stroke-linecap: round }
.edge { stroke-width: 1.5 }
.halo { stroke-width: 8 }
.none { fill: none }
.tint { fill-opacity: 0.13 }
.dashed { stroke-dasharray: 5 4 }
.bond { stroke-dasharray: 9 5 }
"""


class Canvas:
    """A picture that grows shape by shape; what comes later covers what was there."""

    def __init__(self, width: float, height: float) -> None:
        size = {"width": _number(width), "height": _number(height)}
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                **size,
                "viewBox": f"0 0 {size['width']} {size['height']}",
                "role": "img",
                "aria-labelledby": "title words",
            },
        )
        self._title = ElementTree.SubElement(self._root, "title", {"id": "title"})
        self._words = ElementTree.SubElement(self._root, "desc", {"id": "words"})
        ElementTree.SubElement(self._root, "style").text = _style_sheet()
        self.box(0, 0, width, height, "page", radius=12)

    def box(
        self, x: float, y: float, width: float, height: float, css: str, *, radius: float = 7
    ) -> None:
        """Draw a rectangle with round corners."""
        self._add("rect", css, x=x, y=y, width=width, height=height, rx=radius)

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """Draw a straight line."""
        self._add("line", css, x1=x1, y1=y1, x2=x2, y2=y2)

    def dot(self, x: float, y: float, radius: float, css: str) -> None:
        """Draw a filled circle."""
        self._add("circle", css, cx=x, cy=y, r=radius)

    def cylinder(self, x: float, y: float, width: float, height: float, css: str) -> None:
        """Draw a disk as diagrams have it: a drum, with its left upper corner here."""
        across, flat = width / 2, height / 5
        lid = f"a{_number(across)} {_number(flat)} 0 0 "
        side = height - 2 * flat
        ElementTree.SubElement(
            self._root,
            "path",
            {
                "class": css,
                "d": f"M{_number(x)} {_number(y + flat)}{lid}1 {_number(width)} 0"
                f"v{_number(side)}{lid}1 {_number(-width)} 0z{lid}0 {_number(width)} 0",
            },
        )

    def head(self, x: float, y: float, across: float, down: float, css: str) -> None:
        """Draw the head of an arrow that ends here, and how far it goes to the right and down."""
        wide, high = across * 0.55, down * 0.55
        left, top = x - across, y - down
        points = ((x, y), (left - high, top - wide), (left + high, top + wide))
        text = " ".join(f"{_number(a)},{_number(b)}" for a, b in points)
        ElementTree.SubElement(self._root, "polygon", {"class": css, "points": text})

    def text(self, x: float, y: float, words: str, css: str) -> None:
        """Write a line of text; `y` is the height of the letters' feet."""
        self._add("text", css, x=x, y=y).text = words

    def finished(self, title: str, words: str) -> str:
        """Return the file; `title` and `words` are for those who cannot see it."""
        self._title.text, self._words.text = title, words
        ElementTree.indent(self._root)
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, css: str, **numbers: float) -> ElementTree.Element:
        attributes = {name: _number(value) for name, value in numbers.items()}
        return ElementTree.SubElement(self._root, tag, {"class": css, **attributes})


def _style_sheet() -> str:
    """Return the rules, and those that differ where the reader prefers dark grounds."""
    dark = f"@media (prefers-color-scheme: dark) {{\n{_paint('dark')}}}\n"
    return f"\n{_paint('light')}{SHEET.lstrip()}{dark}"


def _paint(ground: str) -> str:
    def value(colour: Colour) -> str:
        return colour.dark if ground == "dark" else colour.light

    fills = (f".{name} {{ fill: {value(colour)} }}\n" for name, colour in FILLS.items())
    strokes = (f".{name} {{ stroke: {value(colour)} }}\n" for name, colour in STROKES.items())
    return "".join((*fills, *strokes))


def _number(value: float) -> str:
    return f"{round(value, 1):g}"

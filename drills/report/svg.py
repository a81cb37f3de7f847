"""Makes a figure of matplotlib part of a page: its colours follow the page, its names are unique.

Hints and links are put on the parts that carry an id of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from drawing import colours

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_COLOURS = {colour.light: colour.css for colour in colours.ALL}


@dataclass(frozen=True)
class Hint:
    """What a part of a figure says when it is pointed at, and where a click leads."""

    text: str
    target: str


def adopt(
    svg: str, prefix: str, label: str, hints: Mapping[str, Hint], data: Mapping[str, float]
) -> str:
    """Return the figure as an element for HTML.

    `prefix` goes before every id, so that a page can hold many figures. `label` is read aloud.
    `hints` are by id, before the prefix; `data` become `data-*` attributes of the element.
    """
    root = ElementTree.fromstring(svg)
    for parent in root.iter():
        for child in [child for child in parent if child.tag in _LEFT_OUT]:
            parent.remove(child)
    for element in root.iter():
        _recolour(element)
        hint = hints.get(element.get("id", ""))
        if hint is not None:
            _point(element, hint)
        _rename(element, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib.update({"class": "plot", "role": "img", "aria-label": label})
    root.attrib.update({f"data-{name}": f"{value:.3f}" for name, value in data.items()})
    return _serialise(root)


_LEFT_OUT = {
    # Has the time of drawing, and addresses on the web.
    f"{_SVG}metadata",
    # Its rule for `*` would apply to the whole page; the page's own style sheet says the same.
    f"{_SVG}style",
}


def _recolour(element: ElementTree.Element) -> None:
    style = element.get("style", "")
    for name in ("fill", "stroke"):
        # An attribute cannot hold a variable; matplotlib gives hatches their ground in one.
        if element.get(name) in _COLOURS:
            style = f"{name}: {element.attrib.pop(name)}; {style}"
    style = re.sub(r"#[0-9a-f]{6}", lambda match: _COLOURS.get(match[0], match[0]), style)
    # The page's font, which every reader has, instead of the one that measured the text.
    style = re.sub(r"font-family:[^;]*;?", "", style)
    style = re.sub(r"font: (?:(\d+) )?([\d.]+px)[^;]*", _font, style)
    if style:
        element.set("style", style)


def _font(match: re.Match[str]) -> str:
    weight = f"; font-weight: {match[1]}" if match[1] else ""
    return f"font-size: {match[2]}{weight}"


def _point(element: ElementTree.Element, hint: Hint) -> None:
    """Wrap what the element holds into a link with a title."""
    link = ElementTree.Element(f"{_SVG}a", {"href": hint.target})
    title = ElementTree.SubElement(link, f"{_SVG}title")
    title.text = hint.text
    link.extend(list(element))
    for child in list(element):
        element.remove(child)
    element.append(link)


def _rename(element: ElementTree.Element, prefix: str) -> None:
    for name, value in list(element.attrib.items()):
        if name == "id":
            element.set(name, prefix + value)
        elif name == _LINK:
            del element.attrib[name]
            element.set("href", value.replace("#", f"#{prefix}", 1))
        elif "url(#" in value:
            element.set(name, value.replace("url(#", f"url(#{prefix}"))


def _serialise(root: ElementTree.Element) -> str:
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    return ElementTree.tostring(root, encoding="unicode")

"""Pictures of labs say what the labs are, have room for it, and are those in the documentation.

A change that is meant is drawn anew on purpose, and then looked at:
`HALAB_GOLDEN=write python -m pytest tests/unit/test_pictures.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from core.folders import PROJECT
from drawing.picture import draw
from tests.unit.drawn import CLOUDY, DRAWN, PICTURED, M, W, scene

IMAGES = PROJECT / "docs" / "images"
SVG = "{http://www.w3.org/2000/svg}"

SIZES = {"title": 20.0, "name": 15.0, "small": 11.0}
USUAL = 12.0

MONO, BOLD, PLAIN = 0.602, 0.7, 0.6
"""Widths of letters by their height: of DejaVu's, which are wider than those of other usual fonts.
Of text that is not monospace it is the average."""


@pytest.mark.parametrize("name", PICTURED)
def test_the_pictures_in_the_documentation_are_of_these_labs(name: str) -> None:
    path, drawn = IMAGES / f"{name}.svg", draw(scene(name))
    if os.environ.get("HALAB_GOLDEN") == "write":
        path.write_text(drawn)
        pytest.skip(f"{path.name} is drawn anew")
    assert path.read_text() == drawn


def test_every_picture_is_of_a_lab_and_shown_somewhere() -> None:
    pages = "".join(p.read_text() for p in (PROJECT / "README.md", *PROJECT.glob("docs/*.md")))
    pictures = {path.stem for path in IMAGES.glob("*.svg")}
    assert pictures == set(PICTURED)
    assert all(f"images/{name}.svg" in pages for name in pictures)


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_says_everything_about_the_lab(name: str) -> None:
    drawn = scene(name)
    said = {each.text for each in texts(picture(name))}
    for machine in drawn.inventory.machines:
        assert {machine.name, drawn.size_of(machine)} <= said
        assert {str(nic.address.ip) for nic in machine.interfaces.values()} <= said
    for segment in drawn.segments.values():
        assert {segment.role.value, str(segment.subnet)} <= said
    for service in drawn.inventory.services:
        places = {f"{address.ip}:{service.port}" for address in service.addresses}
        places = places or {f"port {service.port}, nodes only"}
        assert {service.name, *places} <= said
    for storage in drawn.inventory.storage:
        assert {storage.name, storage.mount_point, drawn.size_of_disk(storage)} <= said


def test_what_is_rented_is_drawn_with_its_type_and_zone_and_whence_one_comes() -> None:
    said = {each.text for each in texts(picture(CLOUDY))}
    assert {
        *("t3.xlarge, eu-central-1a", "t3.xlarge, eu-central-1b"),
        *("t3.small, eu-central-1c", "203.0.113.7/32"),
    } <= said


def test_what_a_lab_has_not_is_not_drawn() -> None:
    said = {each.text for each in texts(picture("unwatched"))}
    assert "Zabbix" not in said
    said = {each.text for each in texts(picture("active-active"))}
    assert not {"quorum device", "DRBD", "stands by", "arrows down"} & said


@pytest.mark.parametrize(
    ("name", "front", "behind"), [("load-balancer", "front", "web"), ("passing", W, M)]
)
def test_requests_come_down_to_the_service_behind_on_every_node(
    name: str, front: str, behind: str
) -> None:
    root = picture(name)
    feet = {each.text: extent(each)[1] for each in texts(root)}
    begin, end = feet[front][3], feet[behind][1]
    heads = [corners(each) for each in root.iter(f"{SVG}polygon")]
    down = [
        tip for tip, one, other in heads if one[1] == other[1] < tip[1] and begin < tip[1] < end
    ]
    assert len({x for x, _ in down}) == len(scene(name).inventory.nodes)
    assert f"{front} passes each request to {behind}, on any node where that answers" in feet


@pytest.mark.parametrize("name", ["ring", "placed"])
def test_what_goes_on_between_two_nodes_passes_behind_the_one_between(name: str) -> None:
    root = picture(name)
    _, *boxes = [frame(each) for each in root.iter(f"{SVG}rect")]
    nodes = sorted(boxes, key=lambda box: box[1] - box[3])[:3]
    top, foot = nodes[0][1], nodes[0][3]
    level = [
        (float(each.get("x1", 0)), float(each.get("x2", 0)))
        for each in root.iter(f"{SVG}line")
        if each.get("y1") == each.get("y2") and top < float(each.get("y1", 0)) < foot
    ]
    assert level
    for left, _, right, _ in nodes:
        assert not [line for line in level if line[0] < left and right < line[1]]


def test_those_who_read_it_are_told_who_is_placed_by_whom() -> None:
    said = scene("placed").words
    assert (
        f"Service {W}: nginx on one of node1 and node3, where books is, after books, port" in said
    )
    assert "at home on node2, where it does not return by itself, apart from show, port" in said
    assert f"Service show: nginx on one node, apart from {M}, port" in said


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_written_over_anything(name: str) -> None:
    found = [extent(each) for each in texts(picture(name))]
    for (one, (x, y, right, foot)), (other, (left, top, end, low)) in combinations(found, 2):
        apart = right <= left or end <= x or foot <= top or low <= y
        assert apart, f"{one!r} and {other!r} are at one place"


@pytest.mark.parametrize("name", DRAWN)
def test_words_stay_in_what_they_begin_in(name: str) -> None:
    root = picture(name)
    page, *boxes = [frame(each) for each in root.iter(f"{SVG}rect")]
    for words, (x, y, right, foot) in map(extent, texts(root)):
        around = [
            (left, end)
            for left, top, end, low in (page, *boxes)
            if left <= x < end and top <= y < low and top <= foot <= low
        ]
        assert all(right <= end for _, end in around), f"{words!r} does not end where it shall"


@pytest.mark.parametrize("name", DRAWN)
def test_those_who_cannot_see_it_are_told(name: str) -> None:
    root = picture(name)
    labels = root.get("aria-labelledby", "").split()
    told = [each.text or "" for each in root if each.get("id") in labels]
    assert (root.get("role"), [each.tag for each in root[:2]]) == (
        "img",
        [f"{SVG}title", f"{SVG}desc"],
    )
    assert told[0].startswith(f"The lab {name}")
    assert told[0].endswith(scene(name).description)
    for machine in scene(name).inventory.machines:
        assert machine.name in told[1]


def test_every_class_has_a_colour_on_light_and_on_dark_grounds() -> None:
    for name in DRAWN:
        root = picture(name)
        (style,) = (each.text or "" for each in root.iter(f"{SVG}style"))
        light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
        used = {css for each in root.iter() for css in each.get("class", "").split()}
        known = set(re.findall(r"^\.([a-z-]+) \{", light, re.MULTILINE))
        assert used <= known, "a class without a rule"
        painted = set(re.findall(r"^\.([a-z-]+) \{ (?:fill|stroke): #", light, re.MULTILINE))
        assert painted == set(re.findall(r"^\.([a-z-]+) \{", dark, re.MULTILINE))
        for each in root.iter():
            shape = each.tag.removeprefix(SVG)
            if shape in {"rect", "text", "line", "circle", "polygon", "path"}:
                assert painted & set(each.get("class", "").split()), f"a {shape} without colour"


def picture(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(draw(scene(name)))


def texts(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (each for each in root.iter(f"{SVG}text") if each.text)


def corners(polygon: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in polygon.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def frame(rect: ElementTree.Element) -> tuple[float, float, float, float]:
    x, y, width, height = (float(rect.get(key, 0)) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def extent(text: ElementTree.Element) -> tuple[str, tuple[float, float, float, float]]:
    """Return a text and the place it takes: left, top, right and foot."""
    css, words = text.get("class", "").split(), text.text or ""
    size = next((SIZES[each] for each in css if each in SIZES), USUAL)
    mono = {"mono", "name", "title"} & set(css)
    width = cell_len(words) * size * (MONO if mono else BOLD if "strong" in css else PLAIN)
    x, foot = float(text.get("x", 0)), float(text.get("y", 0))
    x -= width if "end" in css else width / 2 if "middle" in css else 0
    return words, (x, foot - 0.75 * size, x + width, foot)

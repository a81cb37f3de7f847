"""A picture of what events do: who has what, what is new there, and what nobody has."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from drawing.moves import Moment, draw_moves

SVG = "{http://www.w3.org/2000/svg}"
NODES = ("node1", "node2")
NOW = Moment("now", {"web": ("node1",), "shop": ("node2",)}, {"10.30.0.100": "node1"})
LOST = Moment(
    "power-off node1",
    {"web": ("node2",), "shop": ("node2",)},
    {"10.30.0.100": "node2"},
    lost=frozenset({"node1"}),
)
AGAIN = Moment("fail web", NOW.services, NOW.addresses, restarted={"web": ("node1",)})
NOTHING = Moment(
    "power-off node1, power-off monitor",
    {"web": (), "shop": ()},
    {"10.30.0.100": None},
    remark="no quorum",
)


def words(*later: Moment) -> list[tuple[float, float, str]]:
    root = ElementTree.fromstring(draw_moves("mirror", NODES, NOW, later))
    return [
        (float(each.get("y", 0)), float(each.get("x", 0)), each.text or "")
        for each in root.iter(f"{SVG}text")
    ]


def said(*later: Moment) -> list[str]:
    return [text for _, _, text in words(*later)]


def test_what_is_now_has_nothing_new() -> None:
    assert said() == [
        "mirror: what if",
        *("now", "node1", "web", "10.30.0.100", "node2", "shop"),
    ]


def test_what_comes_stands_where_it_comes_to() -> None:
    row = said(LOST)[len(said()) :]
    assert row == [
        "power-off node1",
        *("node1", "fenced"),
        *("node2", "web", "comes here", "shop", "10.30.0.100", "comes here"),
    ]


def test_what_dies_starts_again_where_it_was() -> None:
    row = said(AGAIN)[len(said()) :]
    assert row[:4] == ["fail web", "node1", "web", "starts again"]


def test_what_nobody_has_is_named_beside() -> None:
    row = said(NOTHING)[len(said()) :]
    assert row == [
        *("power-off node1, power-off", "monitor", "no quorum", "nowhere: web, shop,"),
        *("10.30.0.100", "node1", "node2"),
    ]


def test_no_row_runs_into_the_next() -> None:
    found = words(LOST, NOTHING, AGAIN)
    heads = [y for y, _, text in found if text == "node1"]
    for top, below in pairwise(heads):
        lines = [y for y, _, _ in found if top <= y < below]
        assert max(lines) < below - 20


def test_those_who_cannot_see_it_are_told() -> None:
    assert "fail web: web node1; shop node2; 10.30.0.100 node1." in draw_moves(
        "mirror", NODES, NOW, (AGAIN,)
    )

"""What a report draws: requests and marks over time, the map of the lab, and its colours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drawing import colours
from drills.probes import Attempt
from drills.report import palette
from drills.report.figure import SHAPES, owners, windows
from drills.report.lanes import ROWS_AT_MOST, arrange
from drills.report.page import LEGEND_SHAPES, drill_page
from drills.report.topology import lay_out
from drills.report.words import WORDS
from drills.result import MarkKind
from tests.unit import sample_drill as sample
from tests.unit.report_page import Page, page_of, report

HIT = WORDS["drill"].hit


def test_colours_never_speak_alone_and_follow_the_page() -> None:
    _, text = page_of(sample.power_off)
    drawing = text[text.index('class="plot"') : text.rindex("</svg>")]
    assert not re.search(r"#[0-9a-f]{6}\b", drawing)
    assert len({colour.light for colour in colours.ALL}) == len(colours.ALL)
    assert set(SHAPES) == set(MarkKind)
    assert len(set(SHAPES.values())) == len(MarkKind)
    assert set(SHAPES.values()) == set(LEGEND_SHAPES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_what_they_stand_on(scheme: str) -> None:
    pairs = [
        *((ink, on) for ink in (colours.INK, colours.SOFT) for on in (colours.PAGE, colours.PANEL)),
        *((answer, colours.PANEL) for answer in palette.ANSWERS.values()),
    ]
    for ink, ground in pairs:
        assert contrast(getattr(ink, scheme), getattr(ground, scheme)) >= 4.5, (ink, ground)
    # Large or bold labels: 3 (WCAG 2.2, 1.4.3).
    for ground, ink in zip(palette.PHASES, palette.ON_PHASES, strict=True):
        assert contrast(getattr(ink, scheme), getattr(ground, scheme)) >= 3, (ink, ground)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 defines it, between 1 and 21."""

    def luminance(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_the_outage_is_drawn_large_where_the_drill_is_much_longer() -> None:
    outage, whole = windows(sample.power_off())
    assert outage.begin < 0 < 33.55 < outage.end < 45
    assert whole.begin <= -12 < 131 <= whole.end
    assert len(windows(sample.link_down())) == 1
    assert len(windows(sample.interrupted())) == 1


def test_a_mark_of_several_machines_stands_in_the_lane_of_each() -> None:
    result = sample.power_off()
    mark = result.marks[0]
    both = mark.model_copy(update={"machine": "node1, node2"})
    stranger = mark.model_copy(update={"machine": "node1, printer"})
    nobody = mark.model_copy(update={"machine": ""})
    assert owners(mark, result) == ("node1",)
    assert owners(both, result) == ("node1", "node2")
    assert owners(stranger, result) == ("node1, printer",)
    assert owners(nobody, result) == ("lab",)
    page = Page(drill_page(result.model_copy(update={"marks": (both, stranger, nobody)})))
    names = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(names) == len(set(names))
    assert sum("-point-0-" in name for name in names) == 4


def test_labels_share_a_row_only_where_they_do_not_touch() -> None:
    lane = arrange([0, 1, 20, 95], [10, 10, 10, 10], 0, 100)
    assert [spot.row for spot in lane.spots] == [0, 1, 0, 0]
    assert lane.rows == 2
    assert [spot.leftward for spot in lane.spots] == [False, False, False, True]


def test_a_crowded_lane_leaves_labels_out_and_no_mark() -> None:
    lane = arrange([5.0] * 30, [50.0] * 30, 0, 100)
    assert len(lane.spots) == 30
    assert sum(spot.shown for spot in lane.spots) == ROWS_AT_MOST
    assert lane.rows == ROWS_AT_MOST + 1


def test_the_map_shows_who_was_hit_and_where_the_service_went() -> None:
    drawn = lay_out(sample.machines(), HIT)
    assert drawn is not None
    assert [box.hit for box in drawn.boxes] == [True, False, False]
    assert [box.active for box in drawn.boxes] == [False, True, False]
    assert len(drawn.moves) == 1
    assert drawn.words.startswith("node1: ✗ hit by the fault, ○ active before; node2: ● active")
    drops = [(drop.role, drop.address) for drop in drawn.drops]
    assert ("cluster-b", "10.20.2.2") in drops
    assert len(drops) == 12


def test_no_line_of_the_map_runs_through_an_address() -> None:
    drawn = lay_out(sample.machines(), HIT)
    assert drawn is not None
    for drop in drawn.drops:
        for other in drawn.drops:
            span = sorted((other.box_y, other.network_y))
            passes = span[0] < drop.network_y - 5 < span[1]
            assert not (passes and drop.x < other.x < drop.x + 60), (drop, other)


def test_the_service_that_stays_has_not_moved() -> None:
    drawn = lay_out(sample.link_down().machines, HIT)
    assert drawn is not None
    assert drawn.moves == ()
    assert "node1: ✗ hit by the fault, ● active before, after" in drawn.words


def test_requests_of_no_duration_can_be_drawn(tmp_path: Path) -> None:
    result = sample.power_off()
    at = sample.FAULT_AT
    instant = tuple(
        Attempt("probe", sample.ADDRESS, ok, 5.0, 5.0, at + 1, "reset") for ok in (True, False)
    )
    report(result.model_copy(update={"attempts": instant}), tmp_path)


def test_only_reports_pay_for_matplotlib() -> None:
    program = "import sys, drills.report; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ})

"""A report says what a drill found out, to people and programs, and trusts no text in it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from drills.probes import Attempt
from drills.report import palette, write_report, write_summary
from drills.report.figure import SHAPES, owners, windows
from drills.report.lanes import ROWS_AT_MOST, arrange
from drills.report.page import LEGEND_SHAPES, drill_page, script_json
from drills.report.topology import lay_out
from drills.report.words import iso, plain, relative, seconds
from drills.result import Answer, DrillResult, MarkKind
from tests.unit import sample_drill as sample

ALL = (
    sample.power_off,
    sample.lost_writes,
    sample.too_slow,
    sample.link_down,
    sample.interrupted,
    sample.hostile,
)
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page as a browser would take it apart: its elements, the text of each, its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, f"</{tag}> is in the wrong place"

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(tag for tag, _ in self.open), data))

    @property
    def visible(self) -> str:
        told = (text for inside, text in self.texts if not {"script", "style"} & set(inside))
        return re.sub(r"\s+", " ", " ".join(told))

    def data(self, name: str) -> object:
        text = "".join(text for inside, text in self.texts if inside[-1:] == ("script",))
        [found] = [
            attrs for tag, attrs in self.elements if tag == "script" and attrs.get("id") == name
        ]
        assert found["type"] == "application/json"
        return json.JSONDecoder().raw_decode(text)[0]


@cache
def page_of(make: Callable[[], DrillResult]) -> tuple[Page, str]:
    text = drill_page(make())
    return Page(text), text


def report(result: DrillResult, folder: Path) -> tuple[Page, str]:
    path = folder / "reports" / "drill.html"
    write_report(result, path)
    text = path.read_text(encoding="utf-8")
    return Page(text), text


def test_a_passed_drill_says_how_long_the_service_was_away_and_what_it_may(tmp_path: Path) -> None:
    page, _ = report(sample.power_off(), tmp_path)
    assert "✓ passed" in page.visible
    assert "33.4 s without an answer for the client outside" in page.visible
    assert "31.2 s less than its budget of 64.6 s" in page.visible
    for phase, took, allowed in (
        ("detection", "6.6 s", "6.6 s"),
        ("fencing", "13.8 s", "17.0 s"),
        ("start", "7.8 s", "23.0 s"),
    ):
        assert f"{phase} {took} {allowed}" in page.visible
    assert "checks: 10 passed" in page.visible


def test_each_check_stands_there_with_evidence_and_command(tmp_path: Path) -> None:
    result = sample.power_off()
    page, _ = report(result, tmp_path)
    codes = {text for inside, text in page.texts if inside[-1:] == ("code",)}
    for check in result.checks:
        assert check.question in page.visible
        assert check.evidence in page.visible
        assert check.command is None or check.command in codes
    assert result.replay in codes


def test_what_failed_stands_before_what_could_not_be_told_before_what_passed() -> None:
    page, _ = page_of(sample.lost_writes)
    questions = [text for inside, text in page.texts if inside[-1:] == ("h3",)]
    assert questions[0].startswith("Is every acknowledged write there")
    assert questions[1].startswith("Was fencing confirmed")
    assert "checks: 1 failed, 1 not told, 8 passed" in page.visible
    assert "✗ failed" in page.visible


def test_a_phase_that_nobody_logged_is_not_told() -> None:
    page, _ = page_of(sample.lost_writes)
    assert "fencing not told 17.0 s not told" in page.visible


def test_an_outage_beyond_its_budget_is_said_in_words() -> None:
    page, _ = page_of(sample.too_slow)
    assert "13.4 s more than its budget of 20.0 s" in page.visible


def test_a_phase_beyond_its_share_is_marked(tmp_path: Path) -> None:
    result = sample.power_off()
    short = result.phases[2].model_copy(update={"allowed_s": 5.0})
    phases = (*result.phases[:2], short, *result.phases[3:])
    page, _ = report(result.model_copy(update={"phases": phases}), tmp_path)
    assert "fencing 13.8 s 5.0 s 275 % ✗ over its share" in page.visible


def test_a_drill_that_no_client_noticed_shows_no_outage() -> None:
    page, _ = page_of(sample.link_down)
    assert "No probe failed; this is the longest time between two answers" in page.visible
    assert "every probe was answered" in page.visible
    assert "no answer for" not in page.visible


def test_failed_probes_without_a_measured_outage_cannot_be_told(tmp_path: Path) -> None:
    never_back = sample.power_off().model_copy(update={"outage": None, "phases": ()})
    page, _ = report(never_back, tmp_path)
    assert "How long the service was away could not be told" in page.visible
    assert "No probe failed" not in page.visible


def test_an_interrupted_drill_has_passed_nothing() -> None:
    page, _ = page_of(sample.interrupted)
    assert "? not told" in page.visible
    assert "Nothing was checked, so nothing has passed." in page.visible
    assert "Nobody asked the service" in page.visible
    assert "seconds after the drill's beginning" in page.visible


def test_the_log_has_every_mark_relative_to_the_fault(tmp_path: Path) -> None:
    result = sample.power_off()
    page, _ = report(result, tmp_path)
    assert "+22.1 s node2 fencing fencing of node1 confirmed" in page.visible
    rows = [attrs["id"] for tag, attrs in page.elements if tag == "tr" and "id" in attrs]
    assert len(rows) == len(result.marks)
    leads = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    assert leads == {f"#{row}" for row in rows}


def test_the_moment_of_the_fault_is_given_once_in_full() -> None:
    page, _ = page_of(sample.power_off)
    assert page.visible.count("2026-11-24T01:11:33+00:00") == 1


def test_versions_seed_and_platform() -> None:
    page, _ = page_of(sample.power_off)
    for words in ("Pacemaker 3.0.0", "seed 4711", "libvirt (private), software emulation"):
        assert words in page.visible


def test_programs_read_back_exactly_what_was_written(tmp_path: Path) -> None:
    result = sample.lost_writes()
    page, _ = report(result, tmp_path)
    assert DrillResult.model_validate(page.data("drill")) == result


@pytest.mark.parametrize("make", ALL)
def test_no_page_fetches_anything(make: Callable[[], DrillResult]) -> None:
    page, text = page_of(make)
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]
    for tag, attrs in page.elements:
        assert tag not in {"img", "link", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "srcset", "action", "background"} & set(attrs)
        for name in ("href", "xlink:href"):
            assert attrs.get(name, "#").startswith("#")
        assert "url(" not in attrs.get("style", "").replace("url(#", "")
    [style] = [text for inside, text in page.texts if inside[-1:] == ("style",)]
    assert "url(" not in style
    assert "@import" not in style
    assert "fetch(" not in text


@pytest.mark.parametrize("make", ALL)
def test_every_name_on_a_page_is_given_once(make: Callable[[], DrillResult]) -> None:
    page, _ = page_of(make)
    names = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(names) == len(set(names))
    pointers = {
        found
        for _, attrs in page.elements
        for value in attrs.values()
        for found in re.findall(r"url\(#([^)]+)\)|^#(.+)$", value)
    }
    assert {first or second for first, second in pointers} <= set(names)


def test_no_text_breaks_out_of_its_place() -> None:
    page, text = page_of(sample.hostile)
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "b" not in {tag for tag, attrs in page.elements if "onclick" in attrs}
    assert not [attrs for _, attrs in page.elements if any(name[:2] == "on" for name in attrs)]
    assert "\x1b" not in text
    assert "\0" not in text
    assert plain(sample.HOSTILE) in page.visible
    assert DrillResult.model_validate(page.data("drill")) == sample.hostile()


def test_json_cannot_end_its_script() -> None:
    text = script_json({"evidence": "</script><!--<script>&\N{LINE SEPARATOR}\ud800"})
    assert not set("<>&\N{LINE SEPARATOR}") & set(text)
    assert json.loads(text)["evidence"].startswith("</script><!--<script>&")


def test_the_policy_allows_the_script_that_is_there() -> None:
    page, _ = page_of(sample.power_off)
    scripts = [text for inside, text in page.texts if inside[-1:] == ("script",)]
    digest = base64.b64encode(hashlib.sha256(scripts[-1].encode()).digest()).decode()
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    assert f"script-src 'sha256-{digest}'" in policy


def test_colours_never_speak_alone_and_follow_the_page() -> None:
    _, text = page_of(sample.power_off)
    drawing = text[text.index('class="plot"') : text.rindex("</svg>")]
    assert not re.search(r"#[0-9a-f]{6}\b", drawing)
    assert len({colour.light for colour in palette.ALL}) == len(palette.ALL)
    assert set(SHAPES) == set(MarkKind)
    assert len(set(SHAPES.values())) == len(MarkKind)
    assert set(SHAPES.values()) == set(LEGEND_SHAPES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_what_they_stand_on(scheme: str) -> None:
    pairs = [
        *((ink, on) for ink in (palette.INK, palette.SOFT) for on in (palette.PAGE, palette.PANEL)),
        *((answer, palette.PANEL) for answer in palette.ANSWERS.values()),
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
    drawn = lay_out(sample.machines())
    assert drawn is not None
    assert [box.hit for box in drawn.boxes] == [True, False, False]
    assert [box.active for box in drawn.boxes] == [False, True, False]
    assert len(drawn.moves) == 1
    assert drawn.words.startswith("node1: ✗ hit by the fault, ○ active before; node2: ● active")
    drops = [(drop.role, drop.address) for drop in drawn.drops]
    assert ("cluster-b", "10.20.2.2") in drops
    assert len(drops) == 12


def test_no_line_of_the_map_runs_through_an_address() -> None:
    drawn = lay_out(sample.machines())
    assert drawn is not None
    for drop in drawn.drops:
        for other in drawn.drops:
            span = sorted((other.box_y, other.network_y))
            passes = span[0] < drop.network_y - 5 < span[1]
            assert not (passes and drop.x < other.x < drop.x + 60), (drop, other)


def test_the_service_that_stays_has_not_moved() -> None:
    drawn = lay_out(sample.link_down().machines)
    assert drawn is not None
    assert drawn.moves == ()
    assert "node1: ✗ hit by the fault, ● stayed active" in drawn.words


def test_words_for_moments_and_durations() -> None:
    assert relative(100.0, 112.04) == "\N{MINUS SIGN}12.0 s"
    assert seconds(None) == "not told"
    assert iso(sample.FAULT_AT) == "2026-11-24T01:11:33+00:00"
    assert plain("\x1b[31m\x00\ud800\n") == "␛[31m␀\N{REPLACEMENT CHARACTER}\n"


def test_a_summary_lists_every_drill_and_says_the_worst(tmp_path: Path) -> None:
    results = [make() for make in ALL]
    path = tmp_path / "soak.html"
    write_summary(results, path)
    page = Page(path.read_text(encoding="utf-8"))
    assert "✗ failed" in page.visible
    assert "drills: 2 failed, 1 not told, 3 passed" in page.visible
    assert "The worst outage took 167 % of its budget" in page.visible
    names = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(names) == len(set(names))
    leads = {attrs["href"].removeprefix("#") for tag, attrs in page.elements if tag == "a"}
    assert leads <= set(names)
    unfolded = [a["id"] for t, a in page.elements if t == "details" and {"id", "open"} <= set(a)]
    assert unfolded == ["d1", "d2", "d4"]
    document = page.data("drills")
    assert isinstance(document, dict)
    assert document["version"] == 1
    first = DrillResult.model_validate({**document["drills"][0], "attempts": ()})
    assert first == results[0].model_copy(update={"attempts": ()})


def test_a_summary_of_nothing_has_passed_nothing(tmp_path: Path) -> None:
    path = tmp_path / "exam.html"
    write_summary([], path)
    assert "No drill ran" in Page(path.read_text(encoding="utf-8")).visible
    assert "✓ passed" not in path.read_text(encoding="utf-8")


def test_a_budget_of_nothing_divides_by_nothing(tmp_path: Path) -> None:
    result = sample.power_off()
    phases = tuple(phase.model_copy(update={"allowed_s": 0.0}) for phase in result.phases)
    page, _ = report(result.model_copy(update={"budget_s": 0.0, "phases": phases}), tmp_path)
    assert "33.4 s more than its budget of 0.0 s" in page.visible
    write_summary([result.model_copy(update={"budget_s": 0.0})], tmp_path / "summary.html")


def test_requests_of_no_duration_can_be_drawn(tmp_path: Path) -> None:
    result = sample.power_off()
    at = sample.FAULT_AT
    instant = tuple(Attempt("probe", ok, 5.0, 5.0, at + 1, "reset") for ok in (True, False))
    report(result.model_copy(update={"attempts": instant}), tmp_path)


def test_the_same_result_gives_the_same_file(tmp_path: Path) -> None:
    _, one = report(sample.power_off(), tmp_path / "one")
    _, other = report(sample.power_off(), tmp_path / "other")
    assert one == other


def test_only_reports_pay_for_matplotlib() -> None:
    program = "import sys, drills.report; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ})


def test_the_answer_of_a_drill_is_its_worst() -> None:
    assert sample.power_off().answer is Answer.PASS
    assert sample.lost_writes().answer is Answer.FAIL
    assert sample.interrupted().answer is Answer.UNKNOWN

"""A report says what a drill found out, to people and programs, and trusts no text in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.text import plain
from drills.report import write_summary
from drills.report.page import script_json
from drills.report.words import iso, relative, seconds
from drills.result import Answer, DrillResult
from tests.unit import sample_drill as sample
from tests.unit.report_page import ALL, Page, page_of, report


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


def test_the_same_result_gives_the_same_file(tmp_path: Path) -> None:
    _, one = report(sample.power_off(), tmp_path / "one")
    _, other = report(sample.power_off(), tmp_path / "other")
    assert one == other


def test_the_answer_of_a_drill_is_its_worst() -> None:
    assert sample.power_off().answer is Answer.PASS
    assert sample.lost_writes().answer is Answer.FAIL
    assert sample.interrupted().answer is Answer.UNKNOWN

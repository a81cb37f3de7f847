"""What `./halab test` tells of which lab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import testing
from cli.app import app
from cli.bench import bench
from cli.testing import DEFINITIONS, SUITES, USUAL, _chosen
from core.errors import HalabError
from core.folders import PROJECT
from tests.unit.sketched import STORY
from tests.unit.test_needs import collect

LOST = "tests/failover/"
LOSS = f"{LOST}test_power_loss.py"


def test_by_default_labs_of_every_shape_lose_a_node() -> None:
    assert _chosen(None, thorough=False) == USUAL
    assert set(USUAL) <= set(DEFINITIONS)
    for stories in USUAL.values():
        assert stories[0] == "tests/state"
        assert any(LOSS.startswith(path) for path in stories[1:])


def test_by_default_a_lab_with_data_loses_a_node_a_process_and_a_cable(tmp_path: Path) -> None:
    told, _ = collect(tmp_path, STORY, *USUAL["active-passive"])
    stories = {story.rpartition("/")[2].partition("::")[0] for story in told if LOST in story}
    assert stories >= {
        *("test_power_loss.py", "test_master_killed.py", "test_dashboard.py"),
        *("test_alarms.py", "test_drift.py", "test_reset.py"),
    }


def test_what_others_prove_as_well_is_told_in_thorough_runs(tmp_path: Path) -> None:
    usual, _ = collect(tmp_path, STORY, *USUAL["active-passive"])
    every, _ = collect(tmp_path, STORY, *SUITES)
    beside = {story.rpartition("/")[2].partition("::")[0] for story in {*every} - {*usual}}
    assert {"test_link_down.py", "test_membership_killed.py", "test_standby.py"} <= beside
    assert [story.partition("[")[2] for story in every if "test_link_down.py" in story] == [
        "link-a-down]",
        "link-b-down]",
    ]


@pytest.mark.parametrize(
    ("words", "minutes", "told"),
    [
        ("", 40, ["unwatched", "active-passive", "database"]),
        ("", 50, ["unwatched", "active-passive"]),
        ("--lab database", 50, ["database"]),
        ("--all", 50, [*DEFINITIONS]),
    ],
)
def test_one_lab_is_left_out_where_all_else_took_long_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, words: str, minutes: int, told: list[str]
) -> None:
    times = iter((0.0,))
    monkeypatch.setattr(testing, "monotonic", lambda: next(times, minutes * 60.0))
    for begun in ("_check", "_run_gates"):
        monkeypatch.setattr(testing, begun, lambda *_: None)
    begun_labs: list[str] = []
    monkeypatch.setattr(testing, "_test_lab", lambda kind, *_, **__: begun_labs.append(kind))
    done = CliRunner().invoke(app, ["test", *words.split()])
    assert (done.exit_code, begun_labs) == (0, told)
    assert ("not told here" in done.stdout) == ("database" not in told)


def test_all_is_everything_about_all() -> None:
    assert _chosen(None, thorough=True) == dict.fromkeys(DEFINITIONS, SUITES)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_one_lab_alone_is_tested_whole(kind: str) -> None:
    assert _chosen(kind, thorough=False) == {kind: SUITES}


@pytest.mark.parametrize("command", [testing.test, bench])
def test_a_lab_that_is_none_is_refused_with_the_names_of_those_that_are(
    command: Callable[..., None],
) -> None:
    with pytest.raises(HalabError, match="no lab of the tests is called 'nosuch'") as caught:
        command(lab="nosuch")
    assert caught.value.hint == f"they are {', '.join(DEFINITIONS)}"


@pytest.mark.parametrize("words", ["--unit --lab database", "--all --aws"])
def test_of_two_choices_none_is_swallowed(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    for begun in ("_check", "_run_gates", "_test_aws", "_test_lab"):
        monkeypatch.setattr(testing, begun, lambda *_, **__: pytest.fail("ran something"))
    done = CliRunner().invoke(app, ["test", *words.split()])
    assert done.exit_code == 2, done.exception
    assert "exclude each other" in done.output


def test_a_folder_for_reports_may_hold_somebody_elses_xml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports of an earlier run go, and are not counted; what halab did not write is no report."""
    (tmp_path / "pom.xml").write_text("<project>")
    (tmp_path / "other.xml").write_text('<testsuite tests="40" failures="2"/>')
    ours = [tmp_path / f"{what}.xml" for what in ("unit", "aws", *DEFINITIONS)]
    for report in ours:
        report.write_text('<testsuite tests="40" failures="2"/>')

    def check(command: Sequence[str]) -> None:
        assert [report for report in ours if report.exists()] == []
        if "pytest" in command:
            [written] = [word for word in command if word.startswith("--junit-xml=")]
            report = Path(written.partition("=")[2])
            report.write_text('<testsuite tests="3" failures="1" skipped="1"/>')

    monkeypatch.setattr(testing, "_run_gates", lambda _: None)
    monkeypatch.setattr(testing, "_check", check)
    done = CliRunner().invoke(app, ["test", "--unit", "--junit", str(tmp_path)])
    assert "1 passed, 1 failed, 1 skipped" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"pom.xml", "other.xml", "unit.xml"}


def test_the_stories_are_there() -> None:
    for path in {*SUITES, LOSS}:
        assert (PROJECT / path).exists(), path

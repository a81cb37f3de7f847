"""How outages went over time: what belongs together, what is longer than usual, what changed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.series import keep
from core.errors import HalabError
from core.folders import LabFolder
from drills.history import changes, read_results, strands
from drills.journal import Journal, Wound, drills_folder
from drills.probes import Outage
from drills.report import write_history
from drills.result import Answer, DrillResult
from drills.times import LAST
from tests.unit import sample_drill as sample
from tests.unit.report_page import Page

DAY_S = 86400.0


def nightly(
    outages: Sequence[float | None], environment: Sequence[dict[str, str]] = ()
) -> list[DrillResult]:
    """Return the drill of the sample once a night, with these outages."""
    first = sample.power_off()
    results = []
    for night, seconds in enumerate(outages):
        told = environment[night] if environment else first.environment
        outage = None
        if seconds is not None:
            outage = Outage(seconds, first.began, first.began + seconds, sample.ADDRESS)
        began = first.began + night * DAY_S
        changed = {"began": began, "outage": outage, "environment": told}
        results.append(first.model_copy(update=changed))
    return results


def save(results: Sequence[DrillResult], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, result in enumerate(results):
        # Files come in another order than drills.
        (folder / f"{len(results) - number}.json").write_text(result.model_dump_json())
    return folder


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["history", *words], env={"COLUMNS": "100"})
    assert done.exit_code == code, done.output
    return done.output


def test_drills_come_in_the_order_of_time_and_other_files_are_named(tmp_path: Path) -> None:
    results = nightly([30.0, 31.0, 32.0])
    folder = save(results, tmp_path)
    (folder / "notes.json").write_text('{"version": 1}')
    found, others = read_results(folder)
    assert found == tuple(results)
    assert others == (folder / "notes.json",)


@pytest.mark.parametrize("value", [1e300, -1, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["began", "ended", "budget_s", "outage.seconds", "outage.over"])
def test_numbers_that_nothing_can_show_spoil_no_history(
    tmp_path: Path, key: str, value: float
) -> None:
    folder = save(nightly([30.0, 31.0]), tmp_path)
    spoilt = json.loads((folder / "1.json").read_text())
    outer, _, inner = key.rpartition(".")
    (spoilt[outer] if outer else spoilt)[inner] = value
    (folder / "1.json").write_text(json.dumps(spoilt))
    shown = said(str(folder), "--to", str(tmp_path / "page.html"))
    assert "1 of 1" in shown
    assert f"no result of this version of halab: {folder / '1.json'}" in shown


def test_the_earliest_and_the_latest_that_can_be_told_are_shown(tmp_path: Path) -> None:
    first, last = nightly([0.0, 0.0])
    outage = Outage(LAST, 0.0, LAST, sample.ADDRESS)
    ends = [
        first.model_copy(update={"began": 0.0, "budget_s": 0.0}),
        last.model_copy(update={"began": LAST, "budget_s": LAST, "outage": outage}),
    ]
    assert "2 of 2" in said(str(save(ends, tmp_path)), "--to", str(tmp_path / "page.html"))


def test_what_is_no_file_spoils_no_history(tmp_path: Path) -> None:
    folder = save(nightly([30.0]), tmp_path)
    (folder / "folder.json").mkdir()
    (folder / "link.json").symlink_to("nowhere")
    (folder / "round.json").symlink_to("round.json")
    # Nobody writes into it, so that whoever reads would wait for ever.
    os.mkfifo(folder / "pipe.json")
    found, others = read_results(folder)
    assert len(found) == 1
    assert [path.stem for path in others] == ["folder", "link", "pipe", "round"]


@pytest.mark.parametrize("results", [[], [30.0]], ids=["the first drill", "a later one"])
def test_a_drill_that_was_broken_off_is_said_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: list[float]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    lab = LabFolder.of("story")
    save(nightly(results), drills_folder(lab))
    wound = Wound(fault="freeze", targets=("node1",), seed=7, began=1.0, notes={})
    Journal(lab).open(wound)
    done = CliRunner().invoke(app, ["history", "story"])
    told = str(done.exception.hint) if isinstance(done.exception, HalabError) else done.stdout
    assert "was broken off: then `./halab heal story` ends it" in told
    assert "no result of this version" not in told


def test_a_drill_that_hit_the_standby_is_another_one() -> None:
    active = sample.power_off()
    machines = tuple(
        machine.model_copy(update={"hit": not machine.active_before and machine.role == "node"})
        for machine in active.machines
    )
    standby = active.model_copy(update={"machines": machines})
    assert [strand.active for strand in strands([standby, active])] == [True, False]


@pytest.mark.parametrize(
    ("outages", "longer"),
    [
        ((30.0, 31.0, 33.0, 42.0), True),
        # A quarter more than the longest is still usual; so is what one of few had.
        ((30.0, 31.0, 33.0, 41.0), False),
        ((30.0, 31.0, 42.0), False),
        # It was so before, or what was measured is not the latest.
        ((30.0, 42.0, 33.0, 42.0), False),
        ((30.0, 31.0, 33.0, 42.0, None), False),
        ((30.0, 31.0, None, 33.0, 42.0), True),
        ((None,), False),
    ],
)
def test_an_outage_is_longer_than_usual(outages: tuple[float | None, ...], longer: bool) -> None:
    [strand] = strands(nightly(outages))
    assert strand.is_longer is longer


def test_what_changed_is_told_with_the_first_drill_that_saw_it() -> None:
    old, new = {"corosync": "3.1.9", "token": "3000 ms"}, {"corosync": "3.1.10"}
    results = nightly([30.0] * 4, [old, {}, new, new])
    [change] = changes(results)
    assert change.at == results[2].began
    assert change.lines == ("corosync: 3.1.9 → 3.1.10", "token: 3000 ms → not there")


def test_a_person_sees_each_drill_against_its_budget(tmp_path: Path) -> None:
    old, new = {"pacemaker": "3.0.0"}, {"pacemaker": "3.0.1"}
    folder = save(nightly([30.0, 31.0, None, 33.0, 62.0], [old, old, old, old, new]), tmp_path)
    shown = said(str(folder))
    row = next(line for line in shown.splitlines() if "power-off" in line)
    assert row.split()[2:] == [
        *("5", "of", "5", "62.0", "s", "32.0", "s", "62.0", "s"),
        *(f"{sample.BUDGET.total_s:.1f}", "s", "▄▄?▅█"),
    ]
    assert "pacemaker: 3.0.0 → 3.0.1" in shown
    assert "power-off: the latest outage is longer than usual" in shown


def test_programs_are_told_the_same(tmp_path: Path) -> None:
    told = json.loads(said(str(save(nightly([30.0, None]), tmp_path)), "--json"))
    [drill] = told["drills"]
    assert (drill["fault"], drill["active"]) == ("power-off", True)
    assert [each["outage_s"] for each in drill["results"]] == [30.0, None]
    assert told["changes"] == []


def test_a_page_shows_every_outage_with_its_verdict_and_what_changed(tmp_path: Path) -> None:
    hostile = {"kernel": sample.HOSTILE}
    results = nightly([30.0, None, 62.0], [{}, {"kernel": "6.12"}, hostile])
    failed = results[2].checks[0].model_copy(update={"answer": Answer.FAIL})
    results[2] = results[2].model_copy(update={"checks": (failed,)})
    path = tmp_path / "pages" / "history.html"
    write_history(strands(results), changes(results), path)
    page = Page(path.read_text())
    assert "2 of 3 passed. Latest outage 62.0 s, median 46.0 s" in page.visible
    titles = [text for inside, text in page.texts if inside[-1:] == ("title",)]
    assert [title.partition(": ")[2] for title in titles if title.startswith("2026")] == [
        "pass, 30.0 s",
        "pass, not told",
        "fail, 62.0 s",
    ]
    assert "img" not in {tag for tag, _ in page.elements}
    assert "kernel: 6.12 → </script>" in page.visible


def test_a_single_drill_has_a_picture(tmp_path: Path) -> None:
    write_history(strands(nightly([30.0])), (), tmp_path / "one.html")
    assert "1 of 1 passed" in Page((tmp_path / "one.html").read_text()).visible


def test_a_folder_without_results_says_where_they_come_from(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["history", str(tmp_path)])
    assert done.exit_code != 0
    assert "holds no result of a drill" in str(done.exception)


def test_results_of_one_exam_after_the_other_stay_beside_each_other(tmp_path: Path) -> None:
    lab = save(nightly([30.0, 31.0]), tmp_path / "lab")
    for result in lab.iterdir():
        keep(result, tmp_path / "history")
    assert read_results(tmp_path / "history")[0] == read_results(lab)[0]
    with pytest.raises(HalabError, match="cannot write "):
        keep(lab / "1.json", lab / "1.json" / "history")


def test_labs_that_were_examined_into_one_folder_are_not_compared(tmp_path: Path) -> None:
    one = nightly([10.0] * 4, [{"corosync": "3.1"}] * 4)
    slow = [
        each.model_copy(update={"lab": "slow", "environment": {"corosync": "3.2"}})
        for each in nightly([40.0] * 4)
    ]
    assert [(strand.lab, strand.is_longer) for strand in strands([*one, *slow])] == [
        (one[0].lab, False),
        ("slow", False),
    ]
    assert changes(sorted([*one, *slow], key=lambda each: each.began)) == ()
    printed = said(str(save([*one, *slow], tmp_path)))
    assert "slow: power-off" in printed


def test_a_change_is_one_of_its_own_lab(tmp_path: Path) -> None:
    one = nightly([10.0] * 2, [{"corosync": "3.1"}, {"corosync": "3.2"}])
    other = [each.model_copy(update={"lab": "other"}) for each in nightly([10.0] * 2)]
    found, changed = strands([*one, *other]), changes([*one, *other])
    assert [change.lab for change in changed] == [one[0].lab]
    write_history(found, changed, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    # A line across its own picture, and its name in the table.
    assert page.count('href="#changes"') == 1
    assert f", {one[0].lab}</th>" in page
    results = save([*one, *other], tmp_path / "both")
    assert f" on, {one[0].lab}\n" in said(str(results))
    [told] = json.loads(said(str(results), "--json"))["changes"]
    assert told["lab"] == one[0].lab


def test_one_lab_is_not_named_again(tmp_path: Path) -> None:
    one = nightly([10.0] * 4)
    assert "slow" not in said(str(save(one, tmp_path / "one")))

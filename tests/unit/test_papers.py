"""Papers of a series are of this run or not there, and their places are tried before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from cli import drill, exam, series, soak
from cli.app import app
from core.errors import HalabError
from core.folders import LabFolder
from drills.report.page import drill_page, summary_page
from drills.runner import Kept
from inventory.record import save
from tests.unit.sample_drill import power_off
from tests.unit.sketched import STORY

OLD = '<testsuite name="of yesterday"/>'
FAULTS = "standby,power-off,freeze"


class Lab:
    """A lab whose drills are over at once; `failure` is why it cannot be built.

    `ending` is what a drill ends with instead of a result, by how many were before.
    """

    def __init__(self, tmp_path: Path) -> None:
        self.result = tmp_path / "result.json"
        self.result.write_text("{}")
        self.failure: Exception | None = None
        self.ending: dict[int, BaseException] = {}
        self.done: list[str] = []

    def up(self, lab: str) -> None:
        self.done.append("up")
        if self.failure is not None:
            raise self.failure

    def down(self, name: str) -> None:
        shutil.rmtree(LabFolder.of(name).path)

    def drill(self, *_: Any, **__: Any) -> Kept:
        number = self.done.count("drill")
        self.done.append("drill")
        if number in self.ending:
            raise self.ending[number]
        return Kept(power_off(), self.result)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Have the lab `story`; an exam builds `active-passive`."""
    made = Lab(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    LabFolder.of("story").path.mkdir(parents=True)
    save(LabFolder.of("story").inventory, STORY.inventory)
    site = SimpleNamespace(parts=STORY, folder=None, inventory=STORY.inventory)
    for module in (exam, drill, soak):
        monkeypatch.setattr(module, "Site", SimpleNamespace(of=lambda _: site))
    monkeypatch.setattr(exam, "up", made.up)
    monkeypatch.setattr(exam, "down", made.down)
    monkeypatch.setattr(exam, "can_reset", lambda _: False)
    monkeypatch.setattr(drill, "show_drill", made.drill)
    monkeypatch.setattr(series, "show_drill", made.drill)
    monkeypatch.setattr(series, "wait_healthy", lambda *_: None)
    for module, name in (
        (drill, "check_running"),
        (series, "check_running"),
        (series, "check_healed"),
    ):
        monkeypatch.setattr(module, name, lambda _: None)
    return made


@pytest.fixture(scope="module")
def page() -> str:
    return drill_page(power_off())


@pytest.fixture
def reports(tmp_path: Path, page: str) -> Path:
    """Return a folder with the pages of an earlier series, its results, and pages of somebody."""
    folder = tmp_path / "reports"
    folder.mkdir()
    for name, text in (("01-power-off", page), ("123-freeze", page), ("by-hand", page)):
        (folder / f"{name}.html").write_text(text)
    (folder / "02-all.html").write_text(summary_page([power_off()]))
    (folder / "summary.html").write_text(page)
    (folder / "01-introduction.html").write_text("<html>")
    (folder / "history").mkdir()
    (folder / "history" / "old.json").write_text("{}")
    return folder


OTHERS = {"by-hand.html", "01-introduction.html", "history"}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (HalabError("no toolchain"), "no toolchain"),
        (OSError(28, "No space left on device", "/srv/disk"), "No space left on device"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_an_exam_that_cannot_begin_leaves_no_results_of_another_day(
    lab: Lab, reports: Path, tmp_path: Path, failure: Exception, said: str
) -> None:
    xml = tmp_path / "exam.xml"
    xml.write_text(OLD)
    lab.failure = failure
    done = run("exam", "--junit", xml, "--reports", reports)
    assert (done.exit_code != 0, lab.done) == (True, ["up"])
    suite = ElementTree.fromstring(xml.read_text())
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    assert suite.get("name") == "halab exam active-passive"
    assert said in xml.read_text()
    assert names(reports) == OTHERS
    assert names(reports / "history") == {"old.json"}


def test_a_soak_does_not_either(lab: Lab, reports: Path) -> None:
    lab.ending = {0: KeyboardInterrupt()}
    run("soak", "story", "--reports", reports)
    assert names(reports) == OTHERS


def test_nor_a_drill(lab: Lab, tmp_path: Path) -> None:
    pages = [tmp_path / f"out-{number}.html" for number in (1, 2, 3)]
    for page in pages:
        page.write_text(OLD)
    lab.ending = {1: HalabError("not healthy")}
    run("drill", "story", "power-off", "--repeat", "3", "--report", tmp_path / "out.html")
    assert [page.exists() for page in pages] == [True, False, False]
    assert OLD not in pages[0].read_text()


@pytest.mark.parametrize("words", [("nosuch",), ("active-passive", "--faults", "nosuch")])
def test_a_wrong_command_line_costs_nobody_his_papers(
    lab: Lab, reports: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    xml, before = tmp_path / "exam.xml", names(reports)
    xml.write_text(OLD)
    assert run("exam", *words, "--junit", xml, "--reports", reports).exit_code != 0
    assert (xml.read_text(), names(reports)) == (OLD, before)


@pytest.mark.parametrize(
    "words",
    [
        ("exam", "--junit", "FOLDER"),
        ("exam", "--reports", "FILE"),
        ("exam", "--reports", "TAKEN"),
        ("soak", "story", "--reports", "FILE"),
        ("drill", "story", "power-off", "--report", "FOLDER"),
        ("drill", "story", "power-off", "--report", "FILE/page.html"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_done(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """In TAKEN a folder stands where the page of all drills belongs."""
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "FILE").touch()
    (tmp_path / "TAKEN" / "summary.html").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert isinstance(done.exception, HalabError)
    assert done.exception.message.startswith("cannot write ")
    assert words[-1] in done.exception.message
    assert lab.done == []


def test_reports_that_cannot_be_written_do_not_end_an_exam(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for module, name in (("cli.papers", "write_report"), ("cli.series", "write_summary")):
        monkeypatch.setattr(f"{module}.{name}", full)
    monkeypatch.setattr("cli.series.shutil.copy", full)
    xml, folder = tmp_path / "exam.xml", tmp_path / "reports"
    done = run("exam", "--faults", FAULTS, "--junit", xml, "--reports", folder)
    assert done.exit_code == 0, done.output
    assert lab.done == ["up", "drill", "drill", "drill"]
    for place in (f"{folder}/02-power-off.html", f"{folder}/history", "summary.html"):
        assert f"{place}: No space left on device" in done.stdout
    assert ElementTree.fromstring(xml.read_text()).get("tests") == "3"


def test_the_verdict_of_a_drill_is_told_although_its_report_cannot_be_written(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.papers.write_report", full)
    words = ("--repeat", "2", "--report", tmp_path / "out.html")
    done = run("drill", "story", "power-off", *words)
    assert (done.exit_code, lab.done) == (0, ["drill", "drill"])
    assert done.stdout.count("PASS") == 2
    assert f"cannot write {tmp_path}/out-2.html: No space left on device" in done.stderr


@pytest.mark.parametrize("broken_off", [False, True])
def test_xml_that_cannot_be_written_hides_nothing(
    lab: Lab, tmp_path: Path, broken_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that was good at first may be taken when the exam is over."""
    xml = tmp_path / "exam.xml"
    if broken_off:
        lab.ending = {1: RuntimeError("the real reason")}
    healthy = lab.drill

    def take(*words: Any, **more: Any) -> Kept:
        xml.mkdir(exist_ok=True)
        return healthy(*words, **more)

    monkeypatch.setattr(series, "show_drill", take)
    folder = tmp_path / "reports"
    done = run("exam", "--faults", FAULTS, "--junit", xml, "--reports", folder)
    assert (folder / "summary.html").exists()
    if broken_off:
        assert str(done.exception) == "the real reason"
        assert f"cannot write {xml}" in done.stdout
    else:
        assert f"cannot write {xml}" in str(done.exception)

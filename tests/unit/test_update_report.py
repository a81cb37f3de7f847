"""An update on paper: the pages and the XML of a drill, in an update's words."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from cli import papers, update
from cli.app import app
from core.errors import HalabError
from core.folders import LabFolder
from drills.junit import Case, junit
from drills.ledger import Books
from drills.probes import Attempt
from drills.report.page import drill_page
from drills.result import Answer, DrillResult
from drills.site import Nobody, Site
from status.collect import describe
from tests.unit.healthy_lab import HEALTHY, INVENTORY, PARTS
from tests.unit.report_page import Page
from updates.apt import Change
from updates.outage import Account, Silence, Stretch
from updates.planning import Found, Turn
from updates.report import Surroundings, reported
from updates.rolling import Moment, Rolling
from updates.worker import Wanted

ADDRESS = str(PARTS.first_service.service.addresses[0].ip)
BEGAN = 1_800_000_000.0
SITE = cast(
    Site,
    SimpleNamespace(
        inventory=INVENTORY,
        parts=PARTS,
        folder=LabFolder.of("story"),
        record=SimpleNamespace(platform="a private hypervisor", accelerated=False),
    ),
)
AROUND = Surroundings(
    "Update of lab story", "./halab update story", {"nginx": "1.26"}, {"node1"}, {"node2"}
)


def attempt(kind: str, after: float, *, ok: bool = True) -> Attempt:
    at = BEGAN + after
    return Attempt(kind, ADDRESS, ok, at - 0.05, at, at, "200" if ok else "TimeoutError")


ATTEMPTS = (
    *(attempt("probe", number / 2) for number in range(240)),
    *(attempt("probe", 120 + number, ok=False) for number in range(1, 8)),
    *(attempt("probe", 128 + number / 2) for number in range(60)),
    *(attempt("write", number) for number in range(118)),
)
SILENCES = (
    Silence("node2", "web", ADDRESS, 0.0, 6.0),
    Silence("node1", "web", ADDRESS, 8.5, 80.0),
)
WHOLE = Books(118, missing=(), altered=(), repeated=(), disordered=(), unpromised=0)
ACCOUNT = Account(
    SILENCES, {"web": WHOLE}, attempts=tuple(sorted(ATTEMPTS, key=lambda one: one.ended))
)


def rolled(failure: HalabError | None = None) -> Rolling:
    """Return an update of two nodes that is over."""
    stretches = [
        Stretch("node2", BEGAN, BEGAN + 60, {ADDRESS: 6.0}),
        Stretch("node1", BEGAN + 60, BEGAN + 150, {ADDRESS: 80.0}),
    ]
    steps = ("sending it into standby", "stopping the cluster on it", "installing")
    moments = [
        Moment(stretch.began + 12 * number, stretch.what, doing)
        for stretch in stretches
        for number, doing in enumerate(steps)
    ]
    return Rolling(SITE, Wanted(), Nobody(), failure, stretches, moments)


def result(account: Account = ACCOUNT, failure: HalabError | None = None) -> DrillResult:
    return reported(rolled(failure), account, AROUND)


def answers(found: DrillResult) -> dict[str, Answer]:
    return {check.question: check.answer for check in found.checks}


class TestResult:
    def test_every_turn_and_every_ledger_is_a_check(self) -> None:
        assert answers(result()) == {
            "Did every node come to its turn's end?": Answer.PASS,
            "node2: was web silent for no longer than 6.0 s in all?": Answer.PASS,
            "node1: was web silent for no longer than 80.0 s in all?": Answer.PASS,
            "web: is every acknowledged write there, exactly once and in order?": Answer.PASS,
        }
        assert result().answer is Answer.PASS

    def test_what_nobody_promised_is_not_kept(self) -> None:
        found = result(replace(ACCOUNT, books={"web": replace(WHOLE, acknowledged=0)}))
        assert found.answer is Answer.UNKNOWN

    @pytest.mark.parametrize(
        "account",
        [
            replace(ACCOUNT, silences=(SILENCES[0], replace(SILENCES[1], seconds=81.0))),
            replace(ACCOUNT, books={"web": replace(WHOLE, missing=("a",))}),
        ],
    )
    def test_a_promise_that_was_not_kept_fails_it(self, account: Account) -> None:
        assert not account.kept
        assert result(account).answer is Answer.FAIL

    def test_what_ended_it_early_fails_it(self) -> None:
        found = result(failure=HalabError("the update stopped at node1, installing: no room"))
        assert found.answer is Answer.FAIL
        assert found.checks[0].evidence.endswith("no room")

    def test_what_nobody_saw_is_unknown(self) -> None:
        found = result(Account((), {}, unknown="the monitor has booted"))
        assert (found.answer, found.outage, found.attempts) == (Answer.UNKNOWN, None, ())
        assert "the monitor has booted" in Page(drill_page(found)).visible

    def test_the_silence_of_a_turn_is_the_outage(self) -> None:
        found = result()
        assert found.outage is not None
        assert (found.outage_s, found.budget_s, found.outage.address) == (8.5, 80.0, ADDRESS)

    def test_what_was_too_long_is_said_to_be(self) -> None:
        """One gap after the other was short enough: in all they were not."""
        silences = (SILENCES[0], replace(SILENCES[1], seconds=81.0))
        found = result(replace(ACCOUNT, silences=silences))
        assert (found.answer, found.outage_s) == (Answer.FAIL, 81.0)
        assert "1.0 s more than its budget of 80.0 s" in Page(drill_page(found)).visible

    def test_what_another_turn_brought_is_none_of_this_one(self) -> None:
        """Nobody may be silent while the second node is updated, and the first one was so."""
        silences = (replace(SILENCES[0], seconds=7.0), SILENCES[1])
        found = result(replace(ACCOUNT, silences=silences))
        assert (found.answer, found.outage_s, found.budget_s) == (Answer.FAIL, 7.0, 6.0)

    @pytest.mark.parametrize(("last_s", "began_s"), [(70.0, 70.0), (0.0, 60.0)])
    def test_a_silence_that_outlasts_the_turn_is_shown_where_it_was(
        self, last_s: float, began_s: float
    ) -> None:
        """A gate stays shut because a service does not come back: no answer ends the gap."""
        tried = tuple(each for each in ATTEMPTS if each.wall <= BEGAN + last_s)
        silences = (SILENCES[0], replace(SILENCES[1], seconds=150 - began_s, allowed_s=30.0))
        found = result(replace(ACCOUNT, silences=silences, attempts=tried))
        assert found.outage is not None
        assert (found.outage.began, found.outage.over) == (BEGAN + began_s, BEGAN + 150)
        assert found.outage_s == 150 - began_s


class TestPapers:
    def test_the_page_speaks_of_an_update(self) -> None:
        seen = Page(drill_page(result())).visible
        for words in (
            "halab update · lab story",
            "Update of lab story",
            "The update",
            "seconds after the update's beginning",
            "↻ updated",
            "installing",
            "8.5",
        ):
            assert words in seen, words
        for words in ("drill", "fault", "healed", "seed"):
            assert words not in seen.replace("id=drill", "").replace("#drill", ""), words

    def test_ci_reads_it(self) -> None:
        root = ElementTree.fromstring(junit("story", [Case("update", 150.0, result())], "update"))
        [case] = root.iter("testcase")
        assert (root.get("name"), root.get("failures")) == ("halab update story", "0")
        assert (case.get("name"), case.get("time")) == ("update", "150.0")


@dataclass
class Lab:
    """A lab on which an update ends as a test says; `begun` counts those that did begin."""

    failure: HalabError | None = None
    begun: int = 0

    def rolling(self, *_: object) -> Rolling:
        found = rolled(self.failure)

        def run(_: tuple[Turn, ...]) -> Account:
            self.begun += 1
            return ACCOUNT

        found.run = run  # type: ignore[method-assign, assignment]
        return found


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    LabFolder.of("story").path.mkdir(parents=True)
    made = Lab()
    changes = (Change(name="nginx", old="1", new="2"),)
    offered = tuple(Found(name, None, changes) for name in ("node1", "node2"))
    monkeypatch.setattr(update, "Site", SimpleNamespace(of=lambda _: SITE))
    monkeypatch.setattr(update, "check_running", lambda _: None)
    monkeypatch.setattr(update, "check_healed", lambda _: None)
    monkeypatch.setattr(update, "look", lambda *_, **__: offered)
    monkeypatch.setattr(update, "collect", lambda _: describe(PARTS, HEALTHY, None))
    monkeypatch.setattr(update, "environment", lambda _: {"nginx": "1"})
    monkeypatch.setattr(update, "Rolling", made.rolling)
    return made


class TestCommand:
    @pytest.mark.parametrize("stops", [False, True])
    def test_papers_are_written_however_it_ended(
        self, lab: Lab, tmp_path: Path, stops: bool
    ) -> None:
        lab.failure = HalabError("the update stopped at node1") if stops else None
        page, xml = tmp_path / "new" / "page.html", tmp_path / "new" / "page.xml"
        words = ("update", "story", "--report", str(page), "--junit", str(xml))
        done = CliRunner().invoke(app, words)
        assert (done.exit_code == 0) is not stops
        told = Page(page.read_text()).visible
        assert ("the update stopped at node1" in told) is stops
        assert ("<failure" in xml.read_text()) is stops

    @pytest.mark.parametrize(
        ("offered", "cases", "said"), [((), "0", ""), (None, "1", "nobody answers")]
    )
    def test_ci_never_sees_those_of_another_day(
        self,
        lab: Lab,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        offered: tuple[Found, ...] | None,
        cases: str,
        said: str,
    ) -> None:
        def look(*_: object, **__: object) -> tuple[Found, ...]:
            if offered is None:
                raise HalabError("nobody answers")
            return offered

        page, xml = tmp_path / "page.html", tmp_path / "page.xml"
        for old in (page, xml):
            old.write_text("of yesterday")
        monkeypatch.setattr(update, "look", look)
        words = ("update", "story", "--report", str(page), "--junit", str(xml))
        done = CliRunner().invoke(app, words)
        assert (done.exit_code == 0, lab.begun, page.exists()) == (offered is not None, 0, False)
        root = ElementTree.fromstring(xml.read_text())
        assert (root.get("tests"), root.get("errors")) == (cases, cases)
        assert said in xml.read_text()

    def test_a_dry_run_leaves_those_of_the_last_update(self, lab: Lab, tmp_path: Path) -> None:
        xml = tmp_path / "page.xml"
        xml.write_text("of yesterday")
        CliRunner().invoke(app, ("update", "story", "--junit", str(xml), "--dry-run"))
        assert xml.read_text() == "of yesterday"

    def test_where_it_stopped_is_told_although_nothing_can_be_written(
        self, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise HalabError("no room")

        lab.failure = HalabError("the update stopped at node1")
        monkeypatch.setattr(papers, "write", full)
        done = CliRunner().invoke(app, ("update", "story", "--report", str(tmp_path / "a.html")))
        assert done.exception is lab.failure
        assert "no room" in done.stdout

    @pytest.mark.parametrize(
        "words",
        [
            ("nosuch",),
            ("story", "--rollback", "--security"),
            ("story", "--packages", ""),
            ("story", "--from", "/proc"),
        ],
    )
    def test_a_wrong_command_line_costs_nobody_his_papers(
        self, lab: Lab, tmp_path: Path, words: tuple[str, ...]
    ) -> None:
        page, xml = tmp_path / "page.html", tmp_path / "page.xml"
        for old in (page, xml):
            old.write_text("of yesterday")
        done = CliRunner().invoke(app, ("update", *words, f"--report={page}", f"--junit={xml}"))
        assert (done.exit_code != 0, lab.begun) == (True, 0)
        assert {page.read_text(), xml.read_text()} == {"of yesterday"}

    def test_nothing_of_yesterday_outlives_what_could_not_begin(
        self, lab: Lab, tmp_path: Path
    ) -> None:
        xml = tmp_path / "page.xml"
        xml.write_text("of yesterday")
        words = ("update", "story", "--report", "/proc/nosuch/page.html", "--junit", str(xml))
        done = CliRunner().invoke(app, words)
        assert (done.exit_code != 0, lab.begun) == (True, 0)
        assert not xml.exists() or "<error" in xml.read_text()

    def test_an_interruption_is_told(
        self, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look(*_: object, **__: object) -> tuple[Found, ...]:
            raise KeyboardInterrupt

        monkeypatch.setattr(update, "look", look)
        xml = tmp_path / "page.xml"
        CliRunner().invoke(app, ("update", "story", "--junit", str(xml)))
        assert "interrupted" in xml.read_text()

    def test_what_is_no_file_is_only_written_to(self, lab: Lab, tmp_path: Path) -> None:
        target, link = tmp_path / "of-today.xml", tmp_path / "latest.xml"
        target.write_text("of yesterday")
        link.symlink_to(target)
        page = tmp_path / "pipe"
        os.mkfifo(page)
        words = ("update", "story", "--junit", str(link), "--report", str(page))
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(page.read_text)
            done = CliRunner().invoke(app, words)
            assert "Update of lab story" in read.result(timeout=60)
        assert done.exit_code == 0
        assert (link.is_symlink(), page.is_fifo()) == (True, True)
        assert "<testcase" in target.read_text()

    @pytest.mark.parametrize("option", ["--report", "--junit"])
    def test_what_cannot_be_written_is_said_before_a_node_is_touched(
        self, lab: Lab, tmp_path: Path, option: str
    ) -> None:
        done = CliRunner().invoke(app, ("update", "story", option, str(tmp_path)))
        assert isinstance(done.exception, HalabError)
        assert (str(tmp_path) in done.exception.message, lab.begun) == (True, 0)

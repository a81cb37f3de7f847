"""Series of drills can be replayed, and CI systems understand what came out."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from cli import series
from core.errors import HalabError
from drills.catalogue import catalogue
from drills.junit import Case, junit
from drills.probes import Outage
from drills.result import Answer, Check, DrillResult
from drills.schedule import EXAM, Turn, exam, rehearsal, soak
from parts.all import Parts
from status.events import parse_events, single_failures
from tests.unit.sketched import LABS, MIRROR, SHOP, STORY, TRIO


def result(*answers: Answer, outage_s: float = 30.0) -> DrillResult:
    checks = tuple(
        Check(question=f"Question {n}?", answer=answer, evidence="<seen> & heard", command="look")
        for n, answer in enumerate(answers)
    )
    return DrillResult(
        lab="story",
        fault="power-off",
        title="A node loses its power",
        teaches="All.",
        targets=("node1",),
        seed=7,
        replay="./halab drill story power-off --target active --seed 7",
        platform="libvirt (private)",
        accelerated=False,
        began=0,
        injected=1,
        healed=2,
        recovered=3,
        ended=4,
        service_url="http://10.30.0.100/",
        budget_s=40,
        outage=Outage(outage_s, 1, 1 + outage_s, "10.30.0.100"),
        phases=(),
        marks=(),
        attempts=(),
        checks=checks,
        machines=(),
        environment={"pacemaker": "3.0.0"},
    )


GOOD = Case("power-off", 100.0, result(Answer.PASS, Answer.PASS))
BAD = Case("freeze", 50.0, result(Answer.PASS, Answer.FAIL))
UNKNOWN = Case("stall", 50.0, result(Answer.UNKNOWN))
NOTHING = Case("partition", 1.0, None, "lab is not healthy\nnode2 is in standby")


def test_a_soak_is_drawn_again_by_its_seed() -> None:
    def names(seed: int) -> list[tuple[str, str, int]]:
        return [(t.drill.name, t.target, t.seed) for t in islice(soak(STORY, seed), 30)]

    assert names(5) == names(5)
    assert names(5) != names(6)
    assert {"active", "standby"} <= {target for _, target, _ in names(5)}


def test_a_soak_hits_nobody_that_a_fault_cannot() -> None:
    for turn in islice(soak(STORY, 1), 300):
        if turn.drill.only:
            assert turn.target == turn.drill.only


def test_the_exam_takes_everything_from_the_catalogue() -> None:
    turns = exam(STORY, 100)
    asked = [name for name in EXAM if name in catalogue(STORY)]
    assert [turn.drill.name for turn in turns] == asked
    assert len({turn.seed for turn in turns}) == len(asked) == len(EXAM) - 3


def test_everything_of_the_exam_is_asked_of_some_lab() -> None:
    assert {turn.drill.name for parts in LABS for turn in exam(parts, 1)} >= set(EXAM)


def test_the_exam_asks_of_every_service_and_of_all_storage() -> None:
    names = [turn.drill.name for turn in exam(MIRROR, 100)]
    killed = names.index("service-killed")
    assert names[killed : killed + 4] == [
        "service-killed",
        "records-service-killed",
        "service-master-killed",
        "records-service-master-killed",
    ]
    assert {"replication-cut", "rows-replication-cut"} < set(names)
    assert len(names) == len(set(names))


def test_junit_counts_failures_and_errors_apart() -> None:
    suite = ElementTree.fromstring(junit("story", [GOOD, BAD, UNKNOWN, NOTHING]))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "1")
    assert suite.get("time") == "201.0"
    assert [case.get("name") for case in suite.iter("testcase") if not case.findall("*")] == []
    [failure, unknown] = suite.iter("failure")
    assert failure.get("message") == "fail: Question 1? <seen> & heard (see: look)"
    assert "again: ./halab drill story" in (failure.text or "")
    assert (unknown.get("message") or "").startswith("unknown: Question 0?")
    [error] = suite.iter("error")
    assert error.get("message") == "lab is not healthy"
    assert suite.find("properties/property[@name='pacemaker']") is not None


@pytest.mark.parametrize("wild", ["\x1b[31m", "\0", "\r", "\x9b", "\ud800", "\ufffe", "<&'\"\n"])
def test_junit_can_be_read_whatever_machines_say(wild: str) -> None:
    told = result(Answer.FAIL)
    check = told.checks[0].model_copy(update={"evidence": wild, "command": wild})
    update = {"checks": (check,), "replay": wild, "environment": {wild: wild}}
    cases = [Case(wild, 1.0, told.model_copy(update=update)), Case(wild, 1.0, None, f"why\n{wild}")]
    written = junit(wild, cases).encode()
    [failure] = ElementTree.fromstring(written).iter("failure")
    assert "Question 0?" in (failure.text or "")


def test_an_outage_above_the_given_budget_fails() -> None:
    strict = Case("power-off", 100.0, GOOD.result, budget_s=25.0)
    assert GOOD.passed and not strict.passed
    suite = ElementTree.fromstring(junit("story", [strict]))
    assert suite.get("failures") == "1"
    [failure] = suite.iter("failure")
    assert "above the 25 s given" in failure.get("message", "")


def test_a_drill_without_checks_proves_nothing() -> None:
    assert not Case("power-off", 1.0, result()).passed


class TestRehearsals:
    """What was imagined is done by the drill that is the same, or by none."""

    def turn(self, *words: str, parts: Parts = STORY) -> Turn:
        return rehearsal(parts, parse_events(parts.inventory, words), 3)

    def test_each_single_failure_has_its_drill(self) -> None:
        found = {}
        for event in single_failures(TRIO.inventory):
            if event.at != "monitor":
                turn = rehearsal(TRIO, [event], 1)
                found[event.words] = f"{turn.drill.name} at {turn.target}"
        assert found["power-off node2"] == "power-off at node2"
        assert found["standby node3"] == "standby at node3"
        assert found["fail web node1"] == "service-killed at node1"

    def test_a_service_on_one_node_needs_no_name_of_it(self) -> None:
        turn = self.turn("fail web")
        assert (turn.number, turn.drill.name, turn.target) == (3, "service-killed", "active")

    def test_of_several_services_each_has_its_own(self) -> None:
        names = [self.turn("fail", each, parts=SHOP).drill.name for each in SHOP.services]
        assert names[0] == "service-killed" and names[1].endswith("-service-killed")

    @pytest.mark.parametrize(
        "words",
        ["power-off monitor", "return node1", "ban web node1", "power-off node1, standby node2"],
    )
    def test_what_no_drill_is_cannot_be_checked(self, words: str) -> None:
        with pytest.raises(HalabError, match="no drill is just that") as caught:
            self.turn(words)
        assert "fail web, power-off, standby" in str(caught.value.hint)

    def test_who_dies_of_many_has_to_be_said(self) -> None:
        with pytest.raises(HalabError, match="a drill hits one node"):
            self.turn("fail web", parts=TRIO)


@pytest.mark.parametrize("refuses", ["check_running", "check_healed"])
def test_a_lab_in_which_no_drill_can_begin_ends_a_series_before_the_first(
    monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    """Each drill would wait for health, for minutes, and be called a failure of the lab."""

    def refuse(_: object) -> None:
        raise HalabError("not now", hint="`./halab up story`")

    for name in ("check_running", "check_healed"):
        monkeypatch.setattr(series, name, refuse if name == refuses else lambda _: None)
    site: Any = SimpleNamespace(folder=None)
    turns = islice(soak(STORY, 1), 3)

    with pytest.raises(HalabError, match="not now"):
        next(series.run_series(site, turns, Console()))

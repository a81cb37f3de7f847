"""A whole drill on a lab of cardboard: what the runner does, in which order, and what it keeps."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from drills import runner
from drills.catalogue import find
from drills.drill import Drill
from drills.faults.base import Fault
from drills.power import Power
from drills.result import Answer, DrillResult, MarkKind
from drills.site import Nobody, Site
from drills.snapshot import Snapshot
from inventory.record import LabRecord
from parts.all import Parts
from status.collect import describe
from status.forecast import Forecast, Places
from tests.unit import sample_visit as trio
from tests.unit.broken_lab import broken
from tests.unit.cardboard_lab import Cardboard
from tests.unit.healthy_lab import healthy
from tests.unit.sample_findings import AFTER, BEFORE, FLAWLESS, status
from tests.unit.sketched import SHOP, TRIO_TABLES, sketched
from wire.pacemaker import FenceEvent

SLOW = sketched("story", platform={"pace": "emulation"}, monitoring=False)
"""The cardboard lab has no monitoring: whoever raises alarms has tests of its own."""
RECORD = cast(LabRecord, SimpleNamespace(platform="libvirt (private)", accelerated=False))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Cardboard:
    made = Cardboard(FLAWLESS)
    made.play(monkeypatch)
    return made


def drill(lab: Cardboard) -> Drill:
    return replace(find("power-off", SLOW), fault=Fault(lab.inject, lab.heal))


def rehearse(lab: Cardboard, tmp_path: Path) -> runner.Kept:
    return runner.run(site_of(lab, SLOW, tmp_path), drill(lab), Nobody(), seed=7)


def site_of(lab: Cardboard, parts: Parts, tmp_path: Path) -> Site:
    return Site(LabFolder(tmp_path / "story"), parts.inventory, RECORD, cast(Power, lab))


def test_a_drill_from_the_healthy_lab_to_the_verdict(lab: Cardboard, tmp_path: Path) -> None:
    kept = rehearse(lab, tmp_path)
    assert lab.done == [
        "client of web starts",
        "break",
        "heal",
        "healthy",
        "client stops",
        "clear run of web on node2",
    ]
    result = kept.result
    assert result.answer is Answer.PASS, [c for c in result.checks if c.answer is not Answer.PASS]
    assert (result.targets, result.seed) == (("node1",), 7)
    assert result.replay == "./halab drill story power-off --target active --seed 7"
    assert [phase.name for phase in result.phases if phase.ended] == [
        *("detection", "decision", "fencing", "promotion", "start")
    ]
    kinds = {mark.kind for mark in result.marks}
    assert {MarkKind.FAULT, MarkKind.HEAL, MarkKind.HYPERVISOR, MarkKind.FENCING} <= kinds
    [hit] = [sheet.name for sheet in result.machines if sheet.hit]
    assert hit == "node1"


def test_clients_that_an_earlier_drill_left_give_way(lab: Cardboard, tmp_path: Path) -> None:
    lab.left = ("old",)
    rehearse(lab, tmp_path)
    ended, cleared, started, *_ = lab.done
    assert ended == "clients of old are ended"
    assert cleared.startswith("clear old of web on ")
    assert started == "client of web starts"


FORESEEN = Forecast(
    event="power-off node1",
    quorate=True,
    fenced=("node1",),
    places=Places(services={"web": ("node2",)}, addresses={IPv4Address("10.30.0.100"): "node2"}),
    restarted={},
    finished=True,
)


class TestForetold:
    """A drill that knows what the scheduler said looks where everything is, before it heals."""

    QUESTION = "Did everything go where the cluster's scheduler had foretold?"

    def check(
        self, lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Places | None
    ) -> tuple[Answer, str]:
        def look(*_: object) -> Places:
            lab.done.append("look where everything is")
            if places is None:
                raise HalabError("no node can be asked")
            return places

        monkeypatch.setattr(runner, "rested_places", look)
        kept = runner.run(
            site_of(lab, SLOW, tmp_path), drill(lab), Nobody(), seed=7, forecast=FORESEEN
        )
        assert lab.done[1:4] == ["break", "look where everything is", "heal"]
        [asked] = [check for check in kept.result.checks if check.question == self.QUESTION]
        return asked.answer, asked.evidence

    def test_it_went_there(
        self, lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = self.check(lab, tmp_path, monkeypatch, FORESEEN.places)
        assert told == (Answer.PASS, "web: node2; 10.30.0.100: node2")

    def test_it_went_elsewhere(
        self, lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elsewhere = FORESEEN.places.model_copy(update={"services": {"web": ()}})
        told = self.check(lab, tmp_path, monkeypatch, elsewhere)
        assert told == (Answer.FAIL, "web: nobody, not node2")

    def test_nobody_could_tell(
        self, lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.check(lab, tmp_path, monkeypatch, None)[0] is Answer.UNKNOWN

    def test_without_a_forecast_nobody_asks(self, lab: Cardboard, tmp_path: Path) -> None:
        questions = {check.question for check in rehearse(lab, tmp_path).result.checks}
        assert self.QUESTION not in questions


def test_the_result_is_kept_as_json(lab: Cardboard, tmp_path: Path) -> None:
    kept = rehearse(lab, tmp_path)
    assert kept.path.parent == tmp_path / "story" / "drills"
    assert kept.path.name.endswith("-power-off-7.json")
    assert DrillResult.model_validate_json(kept.path.read_text()) == kept.result
    assert not (kept.path.parent / "open.json").exists()


def test_a_lab_that_does_not_recover_fails_the_drill(lab: Cardboard, tmp_path: Path) -> None:
    lab.recovers = False
    kept = rehearse(lab, tmp_path)
    result = kept.result
    assert result.recovered is None
    assert kept.evidence == tmp_path / "story" / "logs" / "kept"
    [bad] = [check for check in result.checks if check.answer is not Answer.PASS]
    assert (bad.question, bad.evidence) == (
        "Is the lab healthy again?",
        "last state: node1 is in standby",
    )


def test_a_witness_that_breaks_down_makes_a_check_unknown(
    lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(runner, "read_ledger", silent)
    result = rehearse(lab, tmp_path).result
    assert result.answer is Answer.UNKNOWN


def test_fencing_that_was_there_before_does_not_count(lab: Cardboard, tmp_path: Path) -> None:
    old = frozenset({FenceEvent("node1", "reboot", "success", "yesterday")})
    lab.before = replace(BEFORE, fence_events=old)
    lab.after = replace(AFTER, fence_events=old, status=status("node2", {"node1": "second"}))
    result = rehearse(lab, tmp_path).result
    assert "Was fenced, with success: node1?" in [
        check.question for check in result.checks if check.answer is Answer.FAIL
    ]


def test_a_lab_whose_nodes_all_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Cardboard(trio.FLAWLESS)
    lab.play(monkeypatch)
    monkeypatch.setattr(runner, "read_ledger", lambda *_: pytest.fail("there is no ledger"))
    parts = sketched("trio", monitoring=False, **TRIO_TABLES)
    entry = replace(find("power-off", parts), fault=Fault(lab.inject, lab.heal))
    site = site_of(lab, parts, tmp_path)
    result = runner.run(site, entry, Nobody(), target="node1", seed=7).result
    assert result.answer is Answer.PASS, [c for c in result.checks if c.answer is not Answer.PASS]
    assert lab.done == ["client of web starts", "break", "heal", "healthy", "client stops"]
    assert [phase.name for phase in result.phases] == ["detection", "decision", "fencing", "start"]
    assert not [check.question for check in result.checks if "write" in check.question]


def test_a_target_that_is_empty_is_not_the_usual_one(lab: Cardboard, tmp_path: Path) -> None:
    site = site_of(lab, SLOW, tmp_path)
    with pytest.raises(HalabError, match="is called ''"):
        runner.run(site, drill(lab), Nobody(), target="", seed=7)
    assert lab.done == []


def test_a_fault_of_the_second_service_is_about_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its node is hit, its client is there and its ledger is cleared, not those of the first."""
    web, books = (service.addresses[0].ip for service in SHOP.inventory.services)
    seen = broken("node1", seen=healthy(SHOP), addresses=frozenset({web}))
    seen = broken("node2", seen=seen, addresses=frozenset({books}))
    apart = Snapshot(describe(SHOP, seen, None), frozenset())
    lab = Cardboard(replace(FLAWLESS, before=apart, after=apart))
    lab.play(monkeypatch)
    entry = find("books-service-killed", SHOP)
    entry = replace(entry, fault=Fault(lab.inject, lab.heal))
    parts = SHOP.inventory.model_copy(update={"monitoring": None})
    result = runner.run(site_of(lab, Parts(parts), tmp_path), entry, Nobody(), seed=7).result
    assert result.targets == ("node2",)
    assert lab.done[:2] == ["client of books starts", "client of web starts"]
    cleared = [told for told in lab.done if told.startswith("clear ")]
    assert cleared == ["clear run of web on node1", "clear run of books on node2"]
    assert result.service_url == f"postgresql://halab@{books}:5432/halab, http://{web}/"
    questions = [check.question for check in result.checks]
    assert "books: Is the service where it was, on node2?" in questions
    assert "web: Is the service where it was, on node1?" in questions

"""Drills of a lab with several services: each is judged by whether it was where the fault hit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from core.folders import LabFolder
from drills import runner
from drills.catalogue import catalogue, find
from drills.expectations import frozen_s, stall_s
from drills.faults.base import Fault
from drills.findings import Findings
from drills.judge import judge
from drills.power import Power
from drills.result import Answer, DrillResult
from drills.site import Nobody, Site
from drills.situation import Fate, Situation
from inventory.record import LabRecord
from parts.all import Parts
from parts.budget import budget
from tests.unit import sample_mirror as sample
from tests.unit.cardboard_lab import Cardboard
from tests.unit.sample_findings import sighting
from tests.unit.sample_mirror import (
    AFTER,
    BACK,
    BESIDE,
    CALM,
    END,
    FAULT,
    FLAWLESS,
    LEAVES,
    ONE,
    PAGES,
    RECORDS,
    TWO,
    beside,
    status,
)
from tests.unit.situations import situation
from tests.unit.sketched import MIRROR, SHOP, STORY, TRIO

VISIT = "pages: Did exactly the addresses of node1 move, and come home?"
COMES_HOME = "pages: Did it come home within 21.0 s?"
PAGES_GAP = "pages: Was no gap longer than the 28.6 s that are allowed?"
STAYS = "records: Is the service where it was, on node2?"
CALM_S = stall_s(MIRROR.inventory.timing)


def fates(name: str, *targets: str, parts: Parts = MIRROR) -> dict[str, Fate]:
    """Return what has to become of each service."""
    drill = find(name, parts)
    return {
        service: drill.expected(situation(parts, *targets, service=service)).fate
        for service in parts.services
    }


def bad(found: Findings, answer: Answer = Answer.FAIL) -> list[str]:
    return [check.question for check in judge(found, "") if check.answer is answer]


def silent(found: Findings, begin: float, end: float) -> Findings:
    """Return findings in which the service answers nobody in this time."""
    tried = tuple(replace(a, ok=a.ok and not begin < a.wall < end) for a in found.attempts)
    return replace(found, attempts=tried, entries=sample.stored(tried))


class TestFates:
    @pytest.mark.parametrize(
        "name", ["power-off", "reset", "hang", "freeze", "corosync-killed", "sbd-killed"]
    )
    def test_what_was_on_a_lost_node_visits_and_the_rest_stays(self, name: str) -> None:
        assert fates(name, "node1") == {"pages": Fate.VISITS, "records": Fate.STAYS}
        assert fates(name, "node2") == {"pages": Fate.STAYS, "records": Fate.VISITS}

    @pytest.mark.parametrize("name", ["standby", "service-cable-lost", "wrong-configuration"])
    def test_what_leaves_a_node_in_good_order_comes_home_too(self, name: str) -> None:
        assert fates(name, "node2") == {"pages": Fate.STAYS, "records": Fate.VISITS}

    def test_the_other_half_of_a_divided_cluster_loses_what_it_had(self) -> None:
        for target in ("node1", "node2"):
            assert fates("partition", target) == {"pages": Fate.STAYS, "records": Fate.VISITS}

    def test_without_homes_all_that_was_there_moves_and_stays_away(self) -> None:
        assert set(fates("power-off", "node1", parts=SHOP).values()) == {Fate.MOVES}
        assert set(fates("power-off", "node2", parts=SHOP).values()) == {Fate.STAYS}

    def test_a_service_away_from_home_does_not_go_back_to_where_it_was(self) -> None:
        """It is at node2 and goes home by the loss of that."""
        [address] = PAGES.service.addresses
        there = replace(situation(MIRROR, "node2", service="pages"), holders={address.ip: "node2"})
        assert find("power-off", MIRROR).expected(there).fate is Fate.MOVES

    @pytest.mark.parametrize("name", catalogue(MIRROR))
    def test_a_fault_of_one_service_is_none_of_the_other(self, name: str) -> None:
        drill = find(name, MIRROR)
        if drill.service is None or drill.target == "all":
            return
        [other] = MIRROR.services.keys() - {drill.service}
        for node in ("node1", "node2"):
            found = drill.expected(situation(MIRROR, node, service=other))
            assert (found.fate, found.interrupted, found.outage_s) == (Fate.STAYS, False, CALM_S)

    @pytest.mark.parametrize("name", ["rejoin", "stale-first", "rows-rejoin", "rows-stale-first"])
    def test_where_all_nodes_leave_everything_is_away_and_comes_back(self, name: str) -> None:
        assert set(fates(name, "node1", "node2").values()) == {Fate.RETURNS}

    def test_who_is_beside_a_lost_node_waits_no_longer_than_its_peers_fencing(self) -> None:
        lost = find("power-off", MIRROR).expected(situation(MIRROR, "node1", service="records"))
        there = situation(MIRROR, "node1", service="records")
        assert (lost.interrupted, lost.outage_s, lost.return_s) == (
            False,
            frozen_s(there, there.targets),
            None,
        )
        gone = find("standby", MIRROR).expected(there)
        assert (gone.interrupted, gone.outage_s) == (False, CALM_S)


class TestHomecoming:
    def test_nobody_has_to_be_fenced_but_it_is_stopped_and_replicas_start_beside(self) -> None:
        for parts, service in ((MIRROR, "pages"), (MIRROR, "records"), (TRIO, "web")):
            part = parts.services[service]
            homes = parts.inventory.homes(part.service)
            there = Situation(part, homes, frozenset(homes.values()))
            planned = find("power-off", parts).expected(there)
            steps = budget(part)
            replicas = 3.0 * parts.inventory.timing.pace * len(parts.storage)
            moved = steps.total_s - steps.detection_s - steps.fencing_s + steps.start_s
            assert planned.return_s == round(moved + replicas, 1)

    def test_what_has_no_home_does_not_come_home(self) -> None:
        for name in catalogue(STORY):
            assert find(name, STORY).expected(situation(STORY, "node1")).return_s is None

    def test_after_a_freeze_the_stale_node_may_keep_clients_as_long_as_it_lives(self) -> None:
        there = situation(MIRROR, "node1", service="pages")
        lost, woken = (find(name, MIRROR).expected(there) for name in ("power-off", "freeze"))
        assert lost.return_s is not None and woken.return_s == lost.return_s + woken.double_s
        beside = find("freeze", MIRROR).expected(situation(MIRROR, "node1", service="records"))
        assert beside.double_s == 0


class TestJudge:
    def test_a_flawless_drill_passes_every_check_of_both_services(self) -> None:
        checks = judge(FLAWLESS, "/lab/drills/x")
        assert {check.answer for check in checks} == {Answer.PASS}, [str(c) for c in checks]
        questions = [check.question for check in checks]
        assert {VISIT, COMES_HOME, PAGES_GAP, STAYS} <= set(questions)
        assert len(questions) == len(set(questions))

    def test_machines_are_asked_about_once(self) -> None:
        questions = [check.question for check in judge(FLAWLESS, "")]
        assert questions.count("Was fenced, with success: node1?") == 1
        assert not [q for q in questions if q.startswith("records: Was the victim really down")]

    def test_a_service_that_stayed_away(self) -> None:
        after = replace(AFTER, status=status("node2", "node2", {"node1": "second"}))
        assert bad(replace(FLAWLESS, after=after)) == [VISIT]

    def test_a_homecoming_that_took_too_long(self) -> None:
        late = silent(FLAWLESS, LEAVES, LEAVES + 24)
        assert bad(late) == [COMES_HOME]
        [check] = [check for check in judge(late, "") if check.question == COMES_HOME]
        assert check.evidence.endswith(f" s of 21.0 s at {ONE}")

    def test_a_failover_that_took_too_long_is_not_taken_for_a_homecoming(self) -> None:
        assert bad(silent(FLAWLESS, FAULT, FAULT + 30)) == [PAGES_GAP]

    def test_a_homecoming_that_nobody_noticed(self) -> None:
        tried = tuple(sample.attempts(ONE, (FAULT, BACK)))
        quick = replace(FLAWLESS, attempts=tried, entries=sample.stored(tried))
        assert bad(quick) == []

    def test_the_other_service_was_interrupted(self) -> None:
        away = silent(BESIDE, FAULT, FAULT + 25)
        found = replace(FLAWLESS, beside=(away,))
        [question] = bad(found)
        assert question.startswith("records: Was no gap longer than the ")

    def test_the_other_service_moved_although_it_came_home(self) -> None:
        moved = tuple(sample.sightings(TWO, "bb", (FAULT + 50, FAULT + 60, "aa")))
        assert bad(beside(sightings=moved)) == [STAYS]

    def test_the_other_service_is_elsewhere_at_the_end(self) -> None:
        after = replace(AFTER, status=status("node1", "node1", {"node1": "second"}))
        found = replace(FLAWLESS, after=after, beside=(replace(BESIDE, after=after),))
        assert bad(found) == [STAYS]

    def test_a_promise_of_the_other_service_was_broken(self) -> None:
        assert bad(beside(entries=sample.stored(CALM)[1:])) == [
            "records: Is every acknowledged write there, exactly once and in order?"
        ]

    def test_two_machines_answered_for_the_other_service(self) -> None:
        both = (*(BESIDE.sightings or ()), sighting(END, "aa", "bb", address=TWO))
        assert "records: Did never two machines answer for a service address?" in bad(
            beside(sightings=both)
        )

    def test_a_silent_client_of_the_other_service_is_unknown(self) -> None:
        found = beside(attempts=(), sightings=None, entries=None)
        assert [q.partition(":")[0] for q in bad(found, Answer.UNKNOWN)] == ["records"] * 6


class TestWholeDrill:
    def rehearse(
        self, found: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[Cardboard, DrillResult]:
        lab = Cardboard(found)
        lab.play(monkeypatch)
        parts = Parts(MIRROR.inventory.model_copy(update={"monitoring": None}))
        entry = replace(find("power-off", parts), fault=Fault(lab.inject, lab.heal))
        record = cast(LabRecord, SimpleNamespace(platform="libvirt (private)", accelerated=True))
        site = Site(LabFolder(tmp_path / "mirror"), parts.inventory, record, cast(Power, lab))
        return lab, runner.run(site, entry, Nobody(), seed=7).result

    def test_each_service_has_a_client_and_a_ledger(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lab, result = self.rehearse(FLAWLESS, tmp_path, monkeypatch)
        assert result.answer is Answer.PASS, [
            c for c in result.checks if c.answer is not Answer.PASS
        ]
        assert lab.done == [
            *("client of pages starts", "client of records starts"),
            *("break", "heal", "healthy", "client stops", "client stops"),
            *("clear run of records on node2", "clear run of pages on node1"),
        ]
        assert {attempt.address for attempt in result.attempts} == {ONE, TWO}
        active = {sheet.name for sheet in result.machines if sheet.active_before}
        assert active == {"node1", "node2"}

    def test_the_outage_is_that_of_the_service_that_was_hit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, result = self.rehearse(FLAWLESS, tmp_path, monkeypatch)
        assert result.outage is not None and result.outage.address == ONE
        assert result.budget_s == budget(PAGES).total_s
        assert [phase.name for phase in result.phases if phase.ended] == [
            *("detection", "decision", "fencing", "promotion", "start")
        ]

    def test_a_homecoming_that_took_longer_than_the_failover_is_not_taken_for_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, result = self.rehearse(silent(FLAWLESS, LEAVES, LEAVES + 25), tmp_path, monkeypatch)
        assert result.outage is not None and (result.outage.began, result.outage.over) == (
            *(FAULT, BACK),
        )
        assert len([phase for phase in result.phases if phase.ended]) == 5

    def test_a_homecoming_alone_is_not_cut_into_the_steps_of_a_failover(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried = tuple(sample.attempts(ONE, (LEAVES, LEAVES + 25)))
        found = replace(FLAWLESS, attempts=tried, entries=sample.stored(tried))
        _, result = self.rehearse(found, tmp_path, monkeypatch)
        assert result.outage is not None and result.outage.began > BACK
        assert result.phases == ()

    def test_an_interruption_of_the_other_service_is_the_outage_where_it_is_too_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        away = silent(BESIDE, FAULT, FAULT + 24)
        found = replace(FLAWLESS, beside=(away,))
        _, result = self.rehearse(found, tmp_path, monkeypatch)
        assert result.outage is not None and result.outage.address == TWO
        assert result.budget_s == frozen_s(situation(MIRROR, "node1", service="records"), {"node1"})
        assert RECORDS.url(RECORDS.service.addresses[0].ip) in result.service_url

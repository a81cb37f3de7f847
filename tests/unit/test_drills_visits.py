"""The judge on labs whose nodes all serve: addresses move and come home, and only those."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cli.drill import measured
from core.folders import LabFolder
from drills.catalogue import find
from drills.failover import words
from drills.findings import Findings
from drills.judge import judge
from drills.junit import Case, junit
from drills.order import Order
from drills.outcome import outcome
from drills.power import Power
from drills.probes import Sighting, outages
from drills.report.page import drill_page
from drills.result import Answer, DrillResult
from drills.site import Nobody, Site
from drills.situation import Fate, Situation
from drills.takeover import milestones, takeover
from inventory.record import LabRecord
from tests.unit.sample_findings import sighting
from tests.unit.sample_visit import (
    ADDRESSES,
    AFTER,
    BACK,
    BEFORE,
    END,
    EXPECTED,
    FAULT,
    FENCED,
    FLAWLESS,
    HARDWARE,
    HEIR,
    HOME,
    NODES,
    ONE,
    PART,
    STARTED,
    THREE,
    TWO,
    status,
)
from tests.unit.sketched import TRIO

ATTEMPTS = FLAWLESS.attempts

VISIT = "Did exactly the addresses of node1 move, and come home?"
HOLDER = "Did never two machines answer for a service address?"
GAP = "Was no gap longer than the 25.0 s or 3.0 s that are allowed?"
FENCED_FIRST = "Was fencing confirmed before the takeover?"


def answers(found: Findings) -> dict[str, Answer]:
    return {check.question: check.answer for check in judge(found, "/lab/drills/x")}


def bad(found: Findings, answer: Answer = Answer.FAIL) -> list[str]:
    return [question for question, told in answers(found).items() if told is answer]


def evidence(found: Findings, question: str) -> str:
    return next(check.evidence for check in judge(found) if check.question == question)


def seen_elsewhere(address: str, hardware: str, *, since: float, until: float) -> Findings:
    """Return the findings in which other hardware answers for an address meanwhile."""

    def told(old: Sighting) -> Sighting:
        there = old.address == address and since <= old.wall < until
        return replace(old, hardware=(hardware,)) if there else old

    return replace(FLAWLESS, sightings=tuple(map(told, FLAWLESS.sightings or ())))


def situation(*targets: str) -> Situation:
    return Situation(PART, dict(zip(ADDRESSES, NODES, strict=True)), frozenset(targets))


def told(found: Findings) -> DrillResult:
    """Return what comes of a drill."""
    record = cast(LabRecord, SimpleNamespace(platform="libvirt (private)", accelerated=True))
    site = Site(LabFolder(Path("/labs/trio")), TRIO.inventory, record, cast(Power, None))
    drill = find("power-off", TRIO)
    order = Order(
        *(site, PART, drill, Nobody(), "active", found.targets, 7, found.before, found.expected)
    )
    return outcome(
        order,
        found,
        began=FAULT - 10,
        recovered=HOME,
        ended=END,
        environment={},
        stem=Path("/labs/trio/drills/x"),
    )


def test_an_address_that_visits_another_node_passes_every_check() -> None:
    checks = judge(FLAWLESS, "/lab/drills/x")
    assert {check.answer for check in checks} == {Answer.PASS}, [str(c) for c in checks]
    questions = [check.question for check in checks]
    assert VISIT in questions and HOLDER in questions and GAP in questions
    assert not [question for question in questions if "write" in question or "disks" in question]
    assert evidence(FLAWLESS, VISIT).startswith(f"moved: {ONE}; now on node1 ({ONE}), node2")


def test_who_was_fenced_counts_and_not_at_whom_the_fault_was_aimed() -> None:
    majority = replace(FLAWLESS, targets=("node2", "node3"))
    assert bad(majority) + bad(majority, Answer.UNKNOWN) == []


class TestVisits:
    def test_an_address_that_stayed_away(self) -> None:
        after = replace(AFTER, status=status("node2", "node2", "node3", boots={"node1": "second"}))
        assert bad(replace(FLAWLESS, after=after)) == [VISIT]

    def test_an_address_that_never_moved(self) -> None:
        stayed = seen_elsewhere(ONE, HARDWARE[ONE], since=FAULT, until=END)
        assert bad(stayed) == [VISIT]
        assert evidence(stayed, VISIT).startswith("moved: none;")

    def test_a_bystanders_address_that_moved_as_well(self) -> None:
        moved = seen_elsewhere(THREE, HARDWARE[TWO], since=BACK, until=BACK + 5)
        assert bad(moved) == [VISIT]
        assert evidence(moved, VISIT).startswith(f"moved: {ONE}, {THREE};")

    def test_a_bystanders_address_that_did_not_come_home(self) -> None:
        after = replace(AFTER, status=status("node1", "node2", "node2", boots={"node1": "second"}))
        assert VISIT in bad(replace(FLAWLESS, after=after))

    def test_an_address_that_is_nowhere_at_the_end(self) -> None:
        after = replace(AFTER, status=status("node4", "node2", "node3", boots={"node1": "second"}))
        assert bad(replace(FLAWLESS, after=after)) == [VISIT]

    def test_home_need_not_have_been_seen_twice(self) -> None:
        """An address may come home between the last question by ARP and the end."""
        early = tuple(s for s in FLAWLESS.sightings or () if s.wall < HOME)
        assert bad(replace(FLAWLESS, sightings=early)) == []

    @pytest.mark.parametrize("since", [0.0, FAULT], ids=["never", "since the fault"])
    def test_who_was_not_asked_by_arp_tells_nothing(self, since: float) -> None:
        kept = tuple(s for s in FLAWLESS.sightings or () if s.address != TWO or s.wall < since)
        assert VISIT in bad(replace(FLAWLESS, sightings=kept), Answer.UNKNOWN)
        assert VISIT in bad(replace(FLAWLESS, sightings=None), Answer.UNKNOWN)

    def test_who_had_it_before_must_be_known(self) -> None:
        late = tuple(s for s in FLAWLESS.sightings or () if s.wall > FAULT)
        assert bad(replace(FLAWLESS, sightings=late), Answer.UNKNOWN) == [VISIT]

    def test_an_address_that_nobody_had_before(self) -> None:
        before = replace(BEFORE, status=status("node4", "node2", "node3"))
        assert bad(replace(FLAWLESS, before=before), Answer.UNKNOWN)[0].startswith("Did exactly")


class TestStays:
    """An address that is home at the end may have been away all the same."""

    QUESTION = "Is the service where it was, on node1, node2, node3?"

    def calm(self, found: Findings = FLAWLESS) -> Findings:
        """Return what is told of a drill in which nobody may be fenced nor anything move."""
        return replace(found, expected=find("link-a-down", TRIO).expects(situation("node1")))

    def test_everybody_stayed(self) -> None:
        stayed = seen_elsewhere(ONE, HARDWARE[ONE], since=FAULT, until=END)
        assert answers(self.calm(stayed))[self.QUESTION] is Answer.PASS

    def test_an_address_was_away_for_a_while(self) -> None:
        assert self.QUESTION in bad(self.calm())


class TestOutages:
    def test_each_address_has_its_own(self) -> None:
        gaps = {gap.address: gap.seconds for gap in outages(ATTEMPTS, FAULT - 5)}
        assert gaps.keys() == {ONE, TWO, THREE}
        assert BACK - FAULT <= gaps[ONE] < BACK - FAULT + 2
        assert max(gaps[TWO], gaps[THREE]) < 1

    def test_a_bystander_may_not_be_silent_for_as_long_as_the_lost(self) -> None:
        silent = tuple(
            replace(a, ok=a.ok and not (a.address == THREE and FAULT < a.wall < FAULT + 6))
            for a in ATTEMPTS
        )
        found = replace(FLAWLESS, attempts=silent)
        assert bad(found) == [GAP]
        assert f" of 3.0 s at {THREE}" in evidence(found, GAP)

    def test_the_lost_address_may_not_be_silent_for_longer_than_a_failover(self) -> None:
        tight = replace(EXPECTED, outage_s=20.0)
        [question] = bad(replace(FLAWLESS, expected=tight))
        assert question == "Was no gap longer than the 20.0 s or 3.0 s that are allowed?"

    def test_an_address_that_is_silent_at_the_end_is_named(self) -> None:
        silent = tuple(
            replace(a, ok=a.ok and not (a.address == THREE and a.wall > END - 1)) for a in ATTEMPTS
        )
        found = replace(FLAWLESS, attempts=silent)
        assert bad(found) == [GAP]
        assert evidence(found, GAP).startswith(f"{THREE} did not answer at the end; ")

    def test_an_address_that_nobody_asked_at_is_unknown(self) -> None:
        some = tuple(a for a in ATTEMPTS if a.address != TWO)
        assert bad(replace(FLAWLESS, attempts=some), Answer.UNKNOWN) == [GAP]
        assert evidence(replace(FLAWLESS, attempts=some), GAP).endswith(f"nobody asked at {TWO}")


class TestTakeover:
    def test_it_is_the_start_of_an_address_elsewhere(self) -> None:
        taken = takeover(FLAWLESS)
        assert taken is not None
        assert (taken.node, taken.at, taken.address) == ("node2", STARTED, "address-1")

    def test_a_homecoming_is_none(self) -> None:
        journals = {**FLAWLESS.journals, "node2": ()}
        assert takeover(replace(FLAWLESS, journals=journals)) is None
        assert FENCED_FIRST in bad(replace(FLAWLESS, journals=journals), Answer.UNKNOWN)

    def test_before_the_fencing_it_is_too_early(self) -> None:
        early = tuple(
            replace(line, at=FENCED - 5) if "address-1" in line.message else line for line in HEIR
        )
        journals = {**FLAWLESS.journals, "node2": early}
        assert bad(replace(FLAWLESS, journals=journals)) == [FENCED_FIRST]

    def test_who_coordinates_may_be_another_one(self) -> None:
        reached = milestones(FLAWLESS)
        assert reached is not None
        assert (reached.membership, reached.requested, reached.fenced) == (
            FAULT + 6,
            FAULT + 7,
            FENCED,
        )
        assert (reached.promoted, reached.address) == (None, STARTED)

    def test_the_outage_is_cut_without_a_promotion(self) -> None:
        result = told(FLAWLESS)
        assert result.outage is not None and result.outage.address == ONE
        assert [phase.name for phase in result.phases] == [
            *("detection", "decision", "fencing", "start")
        ]
        bounds = [at for phase in result.phases for at in (phase.began, phase.ended)]
        assert None not in bounds
        assert bounds == sorted(at for at in bounds if at is not None)
        assert result.budget_s == EXPECTED.outage_s
        assert sum(phase.allowed_s for phase in result.phases) == pytest.approx(result.budget_s)

    def test_a_bystanders_outage_has_no_phases(self) -> None:
        silent = tuple(
            replace(a, ok=a.ok and not (a.address == THREE and FAULT < a.wall < FAULT + 30))
            for a in ATTEMPTS
        )
        result = told(replace(FLAWLESS, attempts=silent))
        assert result.outage is not None
        assert (result.outage.address, result.phases) == (THREE, ())
        assert result.budget_s == EXPECTED.spared_s

    def test_where_nothing_was_taken_over_there_are_no_phases(self) -> None:
        assert milestones(replace(FLAWLESS, journals=dict.fromkeys(FLAWLESS.journals, ()))) is None


def test_all_nodes_that_serve_are_shown_as_active() -> None:
    result = told(FLAWLESS)
    active = {sheet.name: (sheet.active_before, sheet.active_after) for sheet in result.machines}
    assert active == {**dict.fromkeys(NODES, (True, True)), "monitor": (False, False)}
    assert result.service_url == f"http://{ONE}/, http://{TWO}/, http://{THREE}/"


def test_the_address_that_was_silent_is_named_wherever_the_outage_is() -> None:
    result = told(FLAWLESS)
    outage = f"client outage at {ONE} 22.2 s of 25.0 s"
    assert measured(result)[0].startswith(outage)
    assert words(result)[0] == outage
    assert outage in junit("trio", [Case("power-off", 1.0, result)])
    assert f"without an answer for the client outside at {ONE}, 2.8 s less than" in drill_page(
        result
    )


def test_a_stale_node_beside_the_heir() -> None:
    """Which address two machines answer for is said, and for how long counts for each."""
    both = sighting(BACK + 1, HARDWARE[ONE], HARDWARE[TWO], address=ONE)
    found = replace(FLAWLESS, sightings=(*(FLAWLESS.sightings or ()), both))
    assert bad(found) == [HOLDER]
    assert evidence(found, HOLDER).endswith(f"aa, bb for {ONE}")
    late = sighting(BACK + 30, HARDWARE[TWO], HARDWARE[THREE], address=THREE)
    waking = replace(EXPECTED, double_s=6.0)
    apart = replace(found, expected=waking, sightings=(*(found.sightings or ()), late))
    assert HOLDER.replace("Did never", "Did") not in bad(apart)
    assert bad(apart) == [VISIT]


def test_everybody_is_back_after_a_blackout() -> None:
    targets = frozenset(NODES)
    all_lost = find("blackout", TRIO).expects(situation(*targets))
    found = replace(FLAWLESS, expected=all_lost, targets=NODES)
    assert all_lost.fate is Fate.RETURNS
    assert answers(found)["Is the service back?"] is Answer.PASS
    after = replace(AFTER, status=status("node1", "node4", "node3"))
    assert answers(replace(found, after=after))["Is the service back?"] is Answer.FAIL

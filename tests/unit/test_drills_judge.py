"""The judge believes witnesses, not hopes: every sabotage is a fail, every silence unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drills.expectations import Expected
from drills.findings import Findings
from drills.judge import judge
from drills.ledger import Entry
from drills.power import Event
from drills.result import Answer
from drills.situation import Fate
from drills.snapshot import Snapshot
from drills.timeline import Line
from status.problems import Alarm, Problem, Severity
from tests.unit.sample_findings import (
    AFTER,
    ATTEMPTS,
    BACK,
    FAULT,
    FLAWLESS,
    JOURNAL,
    POWER_LOSS,
    PROMOTED,
    REPORTS,
    STORED,
    probe,
    sighting,
    status,
    write,
)
from tests.unit.sketched import sketched
from wire.pacemaker import FenceEvent


def answers(findings: Findings) -> dict[str, Answer]:
    return {check.question: check.answer for check in judge(findings, "/lab/drills/x")}


def bad(findings: Findings, answer: Answer = Answer.FAIL) -> list[str]:
    return [question for question, found in answers(findings).items() if found is answer]


def test_a_flawless_failover_passes_every_check() -> None:
    checks = judge(FLAWLESS, "/lab/drills/x")
    assert {check.answer for check in checks} == {Answer.PASS}, [str(c) for c in checks]
    assert len(checks) == 19
    assert all(check.evidence for check in checks)


class TestSurvivorsHarmed:
    QUESTION = "Has nobody but whom the fault hits lost a daemon?"

    def after(self, **daemons: frozenset[tuple[str, str]]) -> Findings:
        return replace(FLAWLESS, after=replace(AFTER, daemons={**AFTER.daemons, **daemons}))

    def test_a_survivors_corosync_died_and_was_started_again(self) -> None:
        again = frozenset({("corosync", "977 of boot 2"), ("sbd", "381 of boot 2")})
        found = self.after(node2=again)
        assert bad(found) == [self.QUESTION]
        [check] = [c for c in judge(found, "") if c.question == self.QUESTION]
        assert check.evidence == "node2 lost corosync"

    def test_a_survivor_was_reset_as_well(self) -> None:
        found = self.after(
            node2=frozenset({("corosync", "411 of boot 9"), ("sbd", "381 of boot 9")})
        )
        assert bad(found) == [self.QUESTION]

    def test_the_monitor_is_no_target_either(self) -> None:
        assert bad(self.after(monitor=frozenset())) == [self.QUESTION]

    def test_another_node_than_the_target_may_be_the_one_to_be_fenced(self) -> None:
        found = replace(FLAWLESS, targets=("node2",))
        assert self.QUESTION not in bad(found, Answer.UNKNOWN) + bad(found)

    def test_who_was_not_asked_is_unknown(self) -> None:
        silent = {name: found for name, found in AFTER.daemons.items() if name != "node2"}
        after = replace(FLAWLESS, after=replace(AFTER, daemons=silent))
        before = replace(FLAWLESS, before=replace(FLAWLESS.before, daemons={}))
        for found in (after, before):
            assert bad(found, Answer.UNKNOWN) == [self.QUESTION]

    def test_a_monitor_that_has_none_of_them_has_lost_none(self) -> None:
        before = replace(
            FLAWLESS.before, daemons={**FLAWLESS.before.daemons, "monitor": frozenset()}
        )
        found = replace(self.after(monitor=frozenset()), before=before)
        assert self.QUESTION not in bad(found) + bad(found, Answer.UNKNOWN)

    def test_a_node_that_had_none_of_them_was_no_node(self) -> None:
        before = replace(FLAWLESS.before, daemons={**FLAWLESS.before.daemons, "node2": frozenset()})
        assert bad(replace(FLAWLESS, before=before), Answer.UNKNOWN) == [self.QUESTION]


class TestFencingSabotaged:
    def test_the_victim_lived_while_the_data_were_taken_over(self) -> None:
        late = (Event(PROMOTED + 1, "node1", "watchdog", "reset"),)
        assert bad(replace(FLAWLESS, events=late)) == [
            "Was the victim really down, as the hypervisor saw it, before the takeover?"
        ]

    def test_the_cluster_says_fenced_and_the_hypervisor_saw_nothing(self) -> None:
        found = bad(replace(FLAWLESS, events=()))
        assert "Did the hypervisor see a reset of exactly: node1?" in found
        assert any(question.startswith("Was the victim really down") for question in found)

    def test_promotion_without_waiting_for_fencing(self) -> None:
        lines = [
            replace(line, at=FAULT + 9) if "promote" in line.message else line for line in JOURNAL
        ]
        journals = {**FLAWLESS.journals, "node2": tuple(lines)}
        assert bad(replace(FLAWLESS, journals=journals)) == [
            "Was fencing confirmed before the takeover?"
        ]

    def test_no_fencing_at_all(self) -> None:
        lines = tuple(line for line in JOURNAL if "Operation" not in line.message)
        found = replace(
            FLAWLESS,
            after=replace(AFTER, fence_events=frozenset()),
            journals={**FLAWLESS.journals, "node2": lines},
        )
        assert bad(found) == [
            "Was fenced, with success: node1?",
            "Was fencing confirmed before the takeover?",
        ]

    def test_a_fencing_that_failed(self) -> None:
        events = frozenset({*AFTER.fence_events, FenceEvent("node1", "reboot", "failed", "before")})
        assert bad(replace(FLAWLESS, after=replace(AFTER, fence_events=events))) == [
            "Was fenced, with success: node1?"
        ]

    def test_somebody_else_was_fenced_as_well(self) -> None:
        events = frozenset({*AFTER.fence_events, FenceEvent("node2", "reboot", "success", "now")})
        assert bad(replace(FLAWLESS, after=replace(AFTER, fence_events=events))) == [
            "Was fenced, with success: node1?"
        ]

    def test_a_bystander_was_reset(self) -> None:
        events = (*(FLAWLESS.events or ()), Event(FAULT + 3, "node2", "reboot", ""))
        after = Snapshot(status("node2", {"node1": "2nd", "node2": "2nd"}), AFTER.fence_events)
        assert bad(replace(FLAWLESS, events=events, after=after)) == [
            "Has booted anew: node1?",
            "Did the hypervisor see a reset of exactly: node1?",
        ]

    def test_two_machines_answered_at_once(self) -> None:
        both = (*(FLAWLESS.sightings or ()), sighting(BACK + 1, "aa", "bb"))
        assert bad(replace(FLAWLESS, sightings=both)) == [
            "Did never two machines answer for a service address?"
        ]

    def test_a_stale_node_may_answer_until_its_watchdog_bites(self) -> None:
        waking = replace(POWER_LOSS, double_s=6.0)
        question = "Did two machines answer for a service address for less than 6.0 s?"
        for seconds, holds in ((5, True), (7, False)):
            double = tuple(sighting(BACK + n, "aa", "bb") for n in range(seconds + 1))
            sightings = (*(FLAWLESS.sightings or ()), *double)
            found = replace(FLAWLESS, expected=waking, sightings=sightings)
            assert bad(found) == ([] if holds else [question])


class TestData:
    LEDGER = "Is every acknowledged write there, exactly once and in order?"
    WRITES = "Did no client wait longer than 50.0 s between two writes?"
    PROMPT = "Did half of the last writes take no longer than 1.0 s?"

    def evidence(self, entries: tuple[Entry, ...]) -> str:
        checks = judge(replace(FLAWLESS, entries=entries))
        [check] = [check for check in checks if check.answer is Answer.FAIL]
        assert check.question == self.LEDGER
        return check.evidence

    def test_an_acknowledged_write_is_dropped(self) -> None:
        assert "1 are missing (run-000003)" in self.evidence(STORED[:2] + STORED[3:])

    def test_a_write_is_altered(self) -> None:
        altered = (replace(STORED[0], sha256="else"), *STORED[1:])
        assert "1 are altered (run-000001)" in self.evidence(altered)

    def test_a_write_is_there_twice(self) -> None:
        twice = (*STORED, STORED[4])
        assert "1 are there twice (run-000005)" in self.evidence(twice)

    def test_a_write_is_there_under_another_name(self) -> None:
        twice = (*STORED, replace(STORED[4], name="run-000999"))
        assert "2 are there twice (run-000005, run-000999)" in self.evidence(twice)

    def test_writes_changed_their_order(self) -> None:
        late = (*STORED[:2], replace(STORED[2], at=STORED[2].at + 30), *STORED[3:])
        assert "1 are out of order (run-000004)" in self.evidence(late)

    def test_order_is_not_told_from_a_wrong_clock(self) -> None:
        late = (*STORED[:2], replace(STORED[2], at=STORED[2].at + 3600), *STORED[3:])
        wrong = replace(POWER_LOSS, clocks_agree=False)
        assert bad(replace(FLAWLESS, entries=late, expected=wrong)) == []

    def test_a_write_without_an_answer_may_be_there_or_not(self) -> None:
        unanswered = Entry("run-000006", "digest 6", FAULT + 5)
        assert bad(replace(FLAWLESS, entries=(*STORED, unanswered))) == []

    def test_no_write_was_acknowledged(self) -> None:
        only_probes = tuple(a for a in ATTEMPTS if a.kind == "probe")
        found = replace(FLAWLESS, attempts=only_probes, entries=())
        assert bad(found, Answer.UNKNOWN) == [self.LEDGER, self.WRITES, self.PROMPT]

    def test_a_client_waited_too_long_between_two_promises(self) -> None:
        probes = tuple(a for a in ATTEMPTS if a.kind == "probe")
        for late, holds in ((BACK + 15, True), (BACK + 19, False)):
            writes = (write(1, FAULT - 1), write(2, late), write(3, late + 1))
            entries = tuple(Entry(a.entry or "", a.sha256 or "", a.wall) for a in writes)
            attempts = tuple(sorted((*probes, *writes), key=lambda a: a.ended))
            found = replace(FLAWLESS, attempts=attempts, entries=entries)
            assert bad(found) == ([] if holds else [self.WRITES])

    def test_it_waits_once_more_for_a_service_that_comes_home(self) -> None:
        """Who reads may be without an answer for that long then, so who writes may be as well."""
        late = 90.0
        probes = tuple(a for a in ATTEMPTS if a.kind == "probe")
        writes = (write(1, FAULT - 1), write(2, FAULT + late), write(3, FAULT + late + 1))
        attempts = tuple(sorted((*probes, *writes), key=lambda a: a.ended))
        for return_s, answer in ((81.0, Answer.PASS), (80.0, Answer.FAIL), (None, Answer.FAIL)):
            expected = replace(POWER_LOSS, return_s=return_s)
            found = replace(FLAWLESS, expected=expected, attempts=attempts)
            [check] = [each for each in judge(found) if "between two writes" in each.question]
            assert (check.answer, check.evidence) == (answer, "the longest time was 91.0 s")

    def test_a_client_got_no_promise_any_more(self) -> None:
        attempts = tuple(a for a in ATTEMPTS if a.kind == "probe" or a.wall < FAULT)
        endless = (*attempts, *(probe(BACK + 20 + n) for n in range(40)))
        assert bad(replace(FLAWLESS, attempts=endless, entries=STORED[:5])) == [self.WRITES]

    def test_where_writes_are_refused_nobody_waits_for_them(self) -> None:
        full = replace(POWER_LOSS, writes_refused=True)
        assert self.WRITES not in answers(replace(FLAWLESS, expected=full))

    def test_disks_differ(self) -> None:
        assert bad(replace(FLAWLESS, out_of_sync={"node1": 4, "node2": 4})) == [
            "Are both disks equal, block by block?"
        ]


class TestMonitoring:
    def test_it_saw_nothing(self) -> None:
        assert bad(replace(FLAWLESS, reports=())) == [
            "Did the monitoring raise: fenced?",
            "Did the monitoring raise: node-lost?",
        ]

    def test_it_saw_only_the_end_of_it(self) -> None:
        ends = tuple(report for report in REPORTS if not report.raised)
        assert "Did the monitoring raise: node-lost?" in bad(replace(FLAWLESS, reports=ends))

    def test_it_blamed_somebody_else_as_well(self) -> None:
        wrong = tuple(
            report.model_copy(update={"host": "node2"})
            for report in REPORTS
            if report.alarm is Alarm.NODE_LOST
        )
        assert bad(replace(FLAWLESS, reports=(*REPORTS, *wrong))) == [
            "Did the monitoring raise: node-lost?"
        ]

    def test_who_is_fenced_may_have_missed_the_survivor(self) -> None:
        missed = tuple(
            report.model_copy(update={"host": "node2"})
            for report in REPORTS
            if report.alarm is Alarm.NODE_LOST
        )
        quorate = replace(FLAWLESS.expected, missed=frozenset({"node2"}))
        both = replace(FLAWLESS, expected=quorate, reports=(*REPORTS, *missed))
        assert bad(both) == []
        assert bad(replace(both, reports=missed)) == [
            "Did the monitoring raise: fenced?",
            "Did the monitoring raise: node-lost?",
        ]

    def test_a_problem_stays_open(self) -> None:
        left = Problem(
            alarm=Alarm.BAN_LEFT,
            name="a ban is left",
            host="demo.cluster",
            severity=Severity.WARNING,
            since=datetime.fromtimestamp(FAULT, UTC),
        )
        assert bad(replace(FLAWLESS, problems=(left,))) == ["Has every problem ended?"]

    def test_its_silence_is_no_good_news(self) -> None:
        mute = replace(FLAWLESS, reports=None, problems=None)
        assert bad(mute, Answer.UNKNOWN) == [
            "Did the monitoring raise: fenced?",
            "Did the monitoring raise: node-lost?",
            "Has every problem ended?",
        ]

    def test_a_lab_without_monitoring_is_not_asked(self) -> None:
        part = sketched("story", monitoring=False).first_service
        found = answers(replace(FLAWLESS, part=part, reports=None, problems=None))
        assert set(found.values()) == {Answer.PASS}
        assert not any("monitoring" in question for question in found)


class TestService:
    def test_an_outage_above_its_budget(self) -> None:
        tight = replace(POWER_LOSS, outage_s=30.0)
        [question] = bad(replace(FLAWLESS, expected=tight))
        assert question.startswith("Was no gap longer than the 30.0 s")

    def test_a_service_that_never_came_back(self) -> None:
        silent = (*(a for a in ATTEMPTS if a.wall < BACK), probe(BACK, ok=False))
        assert any("gap" in question for question in bad(replace(FLAWLESS, attempts=silent)))

    def test_the_service_did_not_move(self) -> None:
        after = replace(AFTER, status=status("node1", {"node1": "second"}))
        assert "Has the service left node1?" in bad(replace(FLAWLESS, after=after))

    def test_the_service_moved_without_need(self) -> None:
        calm = replace(FLAWLESS, expected=Expected(Fate.STAYS, 40.0))
        assert "Is the service where it was, on node1?" in bad(calm)

    def test_status_did_not_complain(self) -> None:
        wanted = replace(POWER_LOSS, reasons=("^cluster link 0 .* is down$",))
        assert bad(replace(FLAWLESS, expected=wanted)) == [
            "Did status complain of: ^cluster link 0 .* is down$?"
        ]
        seen = frozenset({"cluster link 0 from node1 to node2 is down"})
        assert bad(replace(FLAWLESS, expected=wanted, seen=seen)) == []

    def test_a_fault_that_was_never_there_proves_nothing(self) -> None:
        question = "Was the fault really there?"
        assert question not in answers(FLAWLESS)
        assert bad(replace(FLAWLESS, proved=True, proof="")) == [question]
        assert bad(replace(FLAWLESS, proved=True), Answer.UNKNOWN) == [question]
        assert answers(replace(FLAWLESS, proved=True, proof="qdisc netem"))[question] is Answer.PASS

    def test_writes_that_should_have_been_refused(self) -> None:
        full = replace(POWER_LOSS, writes_refused=True)
        answered = tuple(a for a in ATTEMPTS if a.kind == "probe" or a.ok)
        assert bad(replace(FLAWLESS, expected=full)) == []
        assert bad(replace(FLAWLESS, expected=full, attempts=answered)) == [
            "Were writes refused, not lost?"
        ]


class TestAftermath:
    def test_the_lab_did_not_recover(self) -> None:
        assert bad(replace(FLAWLESS, trouble="node1 has not joined")) == [
            "Is the lab healthy again?"
        ]

    def test_bad_news(self) -> None:
        line = Line(FAULT + 1, "kernel", "block drbd0: Split-Brain detected but unresolved")
        journals = {**FLAWLESS.journals, "node1": (line,)}
        question = "Are the journals of all machines free of bad news?"
        assert bad(replace(FLAWLESS, journals=journals)) == [question]
        allowed = replace(POWER_LOSS, allowed_news=frozenset({"split brain"}))
        assert bad(replace(FLAWLESS, journals=journals, expected=allowed)) == []

    @pytest.mark.parametrize(
        "states",
        [
            {"node1": "d1 S_NOT_DC", "node2": "d2 S_IDLE"},
            {"node1": "d1 S_NOT_DC", "node2": "d1 S_TRANSITION_ENGINE"},
            {"node1": "d1 S_IDLE", "node2": "d1 S_IDLE"},
        ],
        ids=["two configurations", "still busy", "two coordinators"],
    )
    def test_a_cluster_that_is_not_at_rest(self, states: dict[str, str]) -> None:
        assert bad(replace(FLAWLESS, configurations=states)) == [
            "Do the nodes hold the same configuration, and rest?"
        ]


def test_a_silent_witness_is_unknown_and_never_a_pass() -> None:
    silent = replace(
        FLAWLESS,
        after=None,
        trouble=None,
        attempts=(),
        sightings=None,
        entries=None,
        events=None,
        journals={"node1": None, "node2": None, "monitor": None},
        configurations=None,
        out_of_sync=None,
        reports=None,
        problems=None,
    )
    assert set(answers(silent).values()) == {Answer.UNKNOWN}

"""What comes twice, at one place of several, or after a witness has left is not overlooked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from core.errors import HalabError
from drills.catalogue import catalogue
from drills.cloud_power import SILENT_S, CloudWatch
from drills.drill import ALL
from drills.expectations import Expected, stall_s
from drills.findings import Findings
from drills.judge import judge
from drills.power import Watch
from drills.readiness import check_targets
from drills.result import Answer, Check
from drills.rulings.data import writes
from drills.schedule import soak
from drills.site import Site
from drills.situation import Fate
from drills.timeline import Line
from tests.unit.sample_findings import ATTEMPTS, BACK, FAULT, FLAWLESS, probe
from tests.unit.sample_visit import FLAWLESS as VISIT
from tests.unit.sample_visit import ONE, TWO
from tests.unit.sketched import MIRROR, STORY

BUSY_S = 2 * stall_s(FLAWLESS.part.timing)


def verdict(found: Findings, question: str) -> Check:
    [check] = [check for check in judge(found, "") if check.question.startswith(question)]
    return check


@pytest.mark.parametrize("kept", [True, False])
def test_a_node_that_booted_twice_was_fenced_twice(kept: bool) -> None:
    boot = Line(FAULT + 20, "kernel", "Linux version 6.12.48 (debian-kernel@lists.debian.org)")
    boots = (boot,) if kept else (boot, replace(boot, at=FAULT + 60))
    found = replace(FLAWLESS, journals={**FLAWLESS.journals, "node1": boots})
    check = verdict(found, "Has booted anew")
    assert check.answer is (Answer.PASS if kept else Answer.FAIL)
    assert ("more than once: node1" in check.evidence) is not kept


def test_a_node_that_reset_itself_for_want_of_time_is_told_from_one_that_was_fenced() -> None:
    boot = Line(FAULT + 20, "kernel", "Linux version 6.12.48 (debian-kernel@lists.debian.org)")
    silent = "Subdaemon {} is unresponsive to IPC after {}"
    asked = silent.format("pacemaker-based[369]", "4 attempts (will recheck later)")
    killed = silent.format("pacemaker-fenced[370]", "5 attempts and will now be killed")
    said = [Line(FAULT + 50, "pacemakerd", words) for words in (asked, killed)]
    twice = (boot, *said, replace(boot, at=FAULT + 60))
    check = verdict(replace(FLAWLESS, journals={"node1": twice}), "Has booted anew")
    assert check.answer is Answer.FAIL
    assert "node1 gave up its own pacemaker-fenced, too slow to answer" in check.evidence


@pytest.mark.parametrize(("seconds", "fine"), [(BUSY_S - 1, True), (BUSY_S + 1, False)])
def test_clients_who_have_to_wait_again_are_heard(seconds: float, fine: bool) -> None:
    later = tuple(probe(BACK + 20 + seconds + n / 5) for n in range(10))
    check = verdict(replace(FLAWLESS, attempts=(*ATTEMPTS, *later)), "Was no gap longer")
    assert check.answer is (Answer.PASS if fine else Answer.FAIL)
    assert ("there was another of" in check.evidence) is not fine


def test_a_service_that_was_away_as_a_whole_may_come_in_several_steps() -> None:
    later = tuple(probe(BACK + 20 + BUSY_S + 1 + n / 5) for n in range(10))
    returns = Expected(Fate.RETURNS, FLAWLESS.expected.outage_s)
    found = replace(FLAWLESS, attempts=(*ATTEMPTS, *later), expected=returns)
    assert verdict(found, "Was no gap longer").answer is Answer.PASS


@pytest.mark.parametrize(("healed", "fine"), [(BACK + 40, True), (BACK, False)])
def test_who_stays_may_feel_a_fault_as_often_as_it_is_there(healed: float, fine: bool) -> None:
    """A node without processors to spare answers late, again and again."""
    later = tuple(probe(BACK + 20 + BUSY_S + 1 + n / 5) for n in range(200))
    stays = Expected(Fate.STAYS, FLAWLESS.expected.outage_s)
    found = replace(FLAWLESS, attempts=(*ATTEMPTS, *later), expected=stays, healed=healed)
    assert (verdict(found, "Was no gap longer").answer is Answer.PASS) is fine


def test_a_client_that_ended_early_cannot_tell() -> None:
    early = replace(FLAWLESS, healed=BACK + 100)
    assert verdict(early, "Was no gap longer").answer is Answer.UNKNOWN
    assert verdict(early, "Did never two machines").answer is Answer.UNKNOWN


def test_who_is_aimed_at_and_lives_on_has_kept_its_daemons() -> None:
    """Of two that are cut apart the other one is fenced."""
    assert FLAWLESS.after is not None
    died = {**FLAWLESS.after.daemons, "node2": frozenset({("corosync", "977 of boot 2")})}
    after = replace(FLAWLESS.after, daemons=died)
    found = replace(FLAWLESS, targets=("node2",), after=after)
    assert verdict(found, "Has nobody but whom").answer is Answer.FAIL


def test_one_address_that_takes_no_more_is_not_hidden_by_others() -> None:
    promised = [
        replace(probe(FAULT + n, address=str(address)), kind="write", entry=f"{n}", sha256="0")
        for n in range(-4, 60)
        for address in (ONE, TWO)
    ]
    found = replace(VISIT, attempts=tuple(promised))
    assert writes(found)[0] is True
    dead = tuple(
        replace(each, ok=each.ok and not (each.address == str(TWO) and each.wall > FAULT))
        for each in promised
    )
    held, said = writes(replace(VISIT, attempts=dead))
    assert (held, f"at {TWO}" in said) == (False, True)


class TestSoak:
    def test_no_drill_takes_everybody_in_any_lab(self) -> None:
        whole = {name for name, drill in catalogue(MIRROR).items() if drill.target == ALL}
        assert "rows-rejoin" in whole, whole
        turns = soak(MIRROR, seed=1)
        assert not {next(turns).drill.name for _ in range(500)} & whole

    def test_nobody_is_spared_by_hand_either(self) -> None:
        site = cast(Site, type("Paper", (), {"inventory": STORY.inventory, "parts": STORY}))
        with pytest.raises(HalabError, match="hits all nodes, and node2 would be spared"):
            check_targets(site, catalogue(STORY)["rejoin"], ("node1",), ("node1",))


class TestWitnesses:
    def test_who_records_no_more_saw_nothing(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_text("")
        assert Watch(log, {}, lambda: True).events() == ()
        with pytest.raises(HalabError, match="nobody records"):
            Watch(log, {}, lambda: False).events()

    def test_a_cloud_that_is_silent_saw_nothing(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_text("")
        watch = CloudWatch(log)
        assert watch.events() == ()
        watch.last -= SILENT_S + 1
        with pytest.raises(HalabError, match="AWS does not say"):
            watch.events()

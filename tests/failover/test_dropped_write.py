"""Somebody drops what a client was promised: the judge must say so, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drills.catalogue import find
from drills.faults.base import Fault, Scene, run_on
from drills.healing import RUN
from drills.result import Answer
from parts.all import Parts
from tests.failover.conftest import Rehearse

# Unit tests drop writes before the judge as well, in more ways.
pytestmark = [pytest.mark.needs("ledger"), pytest.mark.thorough]


def test_the_judge_misses_the_writes(rehearse: Rehearse, parts: Parts) -> None:
    def steal(scene: Scene) -> None:
        [machine] = scene.targets
        run_on(machine, parts.first_service.clear_ledger(scene.notes[RUN]))

    thief = Fault(steal, lambda _: None)
    result = rehearse(replace(find("stall", parts), name="dropped-write", fault=thief))
    assert result.answer is Answer.FAIL
    [bad] = [check for check in result.checks if check.answer is not Answer.PASS]
    assert bad.question.endswith("Is every acknowledged write there, exactly once and in order?")
    assert " are missing (" in bad.evidence and " 0 are missing" not in bad.evidence

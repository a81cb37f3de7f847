"""Somebody drops a write that a client was promised: the judge must say so, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from drills.catalogue import find
from drills.faults.base import commands
from drills.ledger import FOLDER
from drills.result import Answer
from tests.failover.conftest import Rehearse


def test_the_judge_misses_the_write(rehearse: Rehearse) -> None:
    first = f"find {FOLDER} -type f | sort | head -n 1"
    thief = replace(find("stall"), name="dropped-write", fault=commands(f"rm $({first})", "true"))
    result = rehearse(thief)
    assert result.answer is Answer.FAIL
    [bad] = [check for check in result.checks if check.answer is not Answer.PASS]
    assert bad.question == "Is every acknowledged write there, exactly once and in order?"
    assert "1 are missing" in bad.evidence

"""A definition changes while the lab serves: `up` says before what that costs, and what it did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.measuring import TOO_LONG
from core.folders import LabFolder
from core.saying import Say
from drills.faults.base import run_on
from labs.effects import Effect
from status.collect import collect
from tests.failover.growth import Lab, changeable

pytestmark = pytest.mark.thorough

TOKEN_MS = 4000
"""Other than every profile's."""


@pytest.fixture
def lab(folder: LabFolder, tmp_path: Path) -> Iterator[Lab]:
    with changeable(folder, tmp_path.resolve() / "lab.toml") as made:
        yield made


def patient(text: str) -> str:
    """Return a definition whose token may be late for longer."""
    kept, own = f"token_ms = {TOKEN_MS}", r"^token_ms = \d+$"
    if re.search(own, text, re.MULTILINE):
        return re.sub(own, kept, text, flags=re.MULTILINE)
    changed, count = re.subn(r"^\[timing\]$", f"[timing]\n{kept}", text, flags=re.MULTILINE)
    return changed if count else f"{text}\n[timing]\n{kept}\n"


def test_nobody_notices_a_token_that_may_be_late_for_longer(lab: Lab, tell: Say) -> None:
    boots = {node.name: node.boot_id for node in collect(lab.inventory).nodes}
    usual = lab.inventory.timing.token_ms
    for text, token_ms in ((patient(lab.original), TOKEN_MS), (lab.original, usual)):
        said = lab.become(text)
        assert f"-> {token_ms}: {Effect.LIVE}" in said, said
        measured = [line.strip() for line in said.splitlines() if "measured:" in line]
        for line in measured:
            tell(line)
        assert measured, said
        assert TOO_LONG not in said, said
        for node in lab.inventory.nodes:
            told = run_on(node, "corosync-cmapctl -g runtime.config.totem.token")
            assert told.split()[-1] == str(token_ms), told
    status = collect(lab.inventory)
    assert status.healthy, status.summary()
    assert {node.name: node.boot_id for node in status.nodes} == boots

"""What the documentation says of each fault is what the catalogue says."""

from __future__ import annotations

import pytest

from core.folders import PROJECT
from drills.catalogue import catalogue
from tests.unit.sketched import STORY

KNOWN = catalogue(STORY)
TEXT = (PROJECT / "docs" / "drills.md").read_text()


@pytest.mark.parametrize("name", KNOWN)
def test_every_fault_is_documented(name: str) -> None:
    drill = KNOWN[name]
    assert f"### `{name}`: {drill.title}\n" in TEXT
    for words in (drill.teaches, drill.watch, drill.by_hand):
        assert words in TEXT


def test_nothing_else_is_documented() -> None:
    headings = [line.split("`")[1] for line in TEXT.splitlines() if line.startswith("### `")]
    assert headings == list(KNOWN)

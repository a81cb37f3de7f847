"""What the documentation says of each fault is what the catalogue says."""

from __future__ import annotations

import pytest

from core.folders import PROJECT
from drills.catalogue import catalogue
from drills.drill import Drill
from tests.unit.sketched import DISK, FILES, STORY, TWO

KNOWN = {**catalogue(FILES), **catalogue(DISK), **catalogue(TWO), **catalogue(STORY)}
TEXT = (PROJECT / "docs" / "drills.md").read_text()


def paragraph(drill: Drill) -> str:
    """Return what docs/drills.md has to say of a fault; more may follow."""
    hits = f"{drill.target} (only)" if drill.only else drill.target
    return (
        f"### `{drill.name}`: {drill.title}\n\n"
        f"{drill.teaches} **Hits** {hits} unless you say otherwise. "
        f"**Watch** {drill.watch} **Healing by hand** {drill.by_hand}\n"
    )


@pytest.mark.parametrize("name", KNOWN)
def test_every_fault_is_documented(name: str) -> None:
    wanted = paragraph(KNOWN[name])
    if wanted not in TEXT:
        pytest.fail(f"docs/drills.md has to say:\n\n{wanted}", pytrace=False)


def test_nothing_else_is_documented() -> None:
    headings = [line.split("`")[1] for line in TEXT.splitlines() if line.startswith("### `")]
    usual = list(catalogue(STORY))
    labs = (DISK, TWO, FILES)
    besides = (name for parts in labs for name in catalogue(parts) if name not in usual)
    assert headings == [*usual, *besides]

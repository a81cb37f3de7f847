"""What the documentation says of each fault is what the catalogue says.

`HALAB_GOLDEN=write python -m pytest tests/unit/test_drills_docs.py` writes it anew, and what is new
to where it stands in the catalogue. What else stands below a fault's heading is left as it is.
"""

from __future__ import annotations

import os
import re

import pytest

from core.folders import PROJECT
from drills.catalogue import catalogue
from drills.drill import Drill
from tests.unit.sketched import COMMON, DISK, FILES, LABS, STORY, TWO

PATH = PROJECT / "docs" / "drills.md"

KNOWN: dict[str, Drill] = {}
"""Every fault, in the order of the documentation; faults of several labs as the first one has them.
"""

for lab in (STORY, DISK, COMMON, TWO, FILES):
    KNOWN |= {name: drill for name, drill in catalogue(lab).items() if name not in KNOWN}

HEADING = re.compile(r"^### `(.+?)`.*\n\n.*\n", re.MULTILINE)
"""What the catalogue says of one: its heading, and the first paragraph below that."""


def paragraph(drill: Drill) -> str:
    """Return what docs/drills.md has to say of a fault; more may follow."""
    hits = (
        f"{drill.target}, nobody else" if drill.only else f"{drill.target} unless you say otherwise"
    )
    return (
        f"### `{drill.name}`: {drill.title}\n\n"
        f"{drill.teaches} **Hits** {hits}. "
        f"**Watch** {drill.watch} **Healing by hand** {drill.by_hand}\n"
    )


def written(text: str) -> str:
    """Return a page with what the catalogue says now; a new fault follows the one before it."""
    before = ""
    for name, drill in KNOWN.items():
        told = {found[1]: found for found in HEADING.finditer(text)}
        if name in told:
            start, end, said = *told[name].span(), paragraph(drill)
        else:
            start = end = section_end(text, told[before].end())
            said = f"{paragraph(drill)}\n" if end < len(text) else f"\n{paragraph(drill)}"
        text, before = f"{text[:start]}{said}{text[end:]}", name
    return text


def section_end(text: str, start: int) -> int:
    """Return where the next heading of a page begins, or its end."""
    found = re.compile(r"^##", re.MULTILINE).search(text, start)
    return found.start() if found else len(text)


def test_every_fault_is_documented_and_nothing_else() -> None:
    text = PATH.read_text()
    if os.environ.get("HALAB_GOLDEN") == "write":
        PATH.write_text(written(text))
        pytest.skip(f"the faults in {PATH.name} are written anew")
    told = {found[1]: found[0] for found in HEADING.finditer(text)}
    assert told == {name: paragraph(drill) for name, drill in KNOWN.items()}
    assert list(told) == list(KNOWN)


def test_no_lab_has_a_fault_that_nobody_has_told_of() -> None:
    """Those of a second service, or storage, are called like the first one's behind its name."""
    for parts in LABS:
        lab = parts.inventory
        further = [each.name for each in (*lab.services[1:], *lab.storage[1:])]
        known = KNOWN.keys() | {f"{part}-{name}" for part in further for name in KNOWN}
        assert catalogue(parts).keys() <= known


def test_a_new_fault_is_written_after_the_one_before_it() -> None:
    text = PATH.read_text()
    for name in ("stall", "quorum-device-lost", "forced-activation", list(KNOWN)[-1]):
        [found] = [each for each in HEADING.finditer(text) if each[1] == name]
        less = text[: found.start()] + text[section_end(text, found.end()) :]
        again = [each[0] for each in HEADING.finditer(written(less))]
        assert again == [each[0] for each in HEADING.finditer(text)]
    assert written(text.replace("A node's kernel panics", "Panic")) == text

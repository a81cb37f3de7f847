"""The page for contributors names what is there."""

from __future__ import annotations

import re

import pytest

from core.folders import PROJECT

TEXT = (PROJECT / "docs" / "extending.md").read_text()
NAMED = sorted(
    name
    for name in set(re.findall(r"`([a-z_]+/[\w./-]*)`", TEXT))
    if "NAME" not in name and not name.startswith("tests/unit/golden")
)
TOLD = sorted(set(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", TEXT, re.MULTILINE)))
"""First columns of its tables: what a part says."""


@pytest.mark.parametrize("name", NAMED)
def test_what_it_sends_people_to_is_there(name: str) -> None:
    assert (PROJECT / name).exists()


@pytest.mark.parametrize("row", TOLD)
def test_what_a_part_says_is_something_that_a_service_can_say(row: str) -> None:
    sources = "".join(
        (PROJECT / path).read_text() for path in ("parts/base.py", "parts/services/base.py")
    )
    for name in re.findall(r"\w+", row):
        assert re.search(rf"\b(?:def )?{name}\b\s*[:(=]", sources), name

"""The manual of lab definitions says what the model says.

`HALAB_GOLDEN=write python -m pytest tests/unit/test_labs_manual.py` writes its tables of keys anew.
"""

from __future__ import annotations

import os
import tomllib

import pytest

from core.folders import PROJECT
from labs.checking import check
from labs.model import Lab
from labs.shape import kinds, models_in
from labs.tables.services import AnyService, ServiceTable
from labs.timing import PROFILES
from labs.words import TAKEN_SERVICES, TAKEN_STORAGE
from parts.all import Parts
from parts.budget import budget
from tests.unit.key_tables import headings, key_table
from tests.unit.provisioned_lab import inventory

PATH = PROJECT / "docs" / "lab-definition.md"
MANUAL = PATH.read_text()


BEGIN, END = "<!-- keys -->\n\n", "\n<!-- end of keys -->\n"


@pytest.mark.parametrize("heading", headings())
def test_the_manual_says_of_every_key_what_the_model_says(heading: str) -> None:
    made, found = key_table(headings()[heading]), section(heading)
    assert (found.count(BEGIN), found.count(END)) == (1, 1), f"{heading} has no place for keys"
    table = found.partition(BEGIN)[2].partition(END)[0]
    if os.environ.get("HALAB_GOLDEN") == "write":
        before, head, rest = PATH.read_text().partition(f"## {heading}\n")
        rest = rest.replace(f"{BEGIN}{table}{END}", f"{BEGIN}{made}{END}", 1)
        PATH.write_text(f"{before}{head}{rest}")
        pytest.skip(f"the keys of {heading} are written anew")
    assert table == made


def test_the_manual_heads_nothing_that_is_no_table() -> None:
    heads = [line.removeprefix("## ") for line in MANUAL.splitlines() if line.startswith("## [")]
    assert sorted(heads) == sorted(set(headings()) - {"Top level"})
    assert MANUAL.count(BEGIN) == len(headings())


def section(heading: str) -> str:
    """Return what stands below a heading of the manual."""
    return MANUAL.partition(f"## {heading}\n")[2].partition("\n## ")[0] + "\n"


@pytest.mark.parametrize(
    ("heading", "words"), [("services", TAKEN_SERVICES), ("storage", TAKEN_STORAGE)]
)
def test_the_manual_says_which_names_are_taken(heading: str, words: dict[str, str]) -> None:
    assert all(f"`{word}`" in section(f"[{heading}.NAME]") for word in words)


@pytest.mark.parametrize("number", range(4))
def test_pieces_in_the_manual_are_of_labs(number: int) -> None:
    piece = MANUAL.split("```\n[")[number + 1].partition("```")[0]
    tables = tomllib.loads(f"[{piece}")
    assert check("manual", {"version": 1, "name": "piece", **tables}, Lab)


@pytest.mark.parametrize("pace", ["kvm", "emulation"])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_manual_tells_the_budgets(pace: str, profile: str) -> None:
    lab = inventory(platform={"pace": pace}, timing={"profile": profile})
    allowed = budget(Parts(lab).services["web"])
    assert f"{allowed.total_s:g}" in MANUAL.partition("budget")[2]


def test_the_example_in_the_manual_is_a_lab() -> None:
    example = MANUAL.partition("```toml\n")[2].partition("```")[0]
    assert check("manual", tomllib.loads(example), Lab).name == "workshop"


def test_the_manual_says_of_which_kinds_a_lab_has_at_most_one() -> None:
    once = " ".join(MANUAL.split())
    for model in models_in(AnyService):
        if issubclass(model, ServiceTable) and model.alone:
            [kind] = kinds((model,))
            assert f'at most one `"{kind}"`' in once

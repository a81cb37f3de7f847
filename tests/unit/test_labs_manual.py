"""The manual of lab definitions says what the model says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from pydantic.fields import FieldInfo

from core.folders import PROJECT
from labs.checking import check
from labs.model import Lab
from labs.shape import keys, kinds, locate
from labs.timing import PROFILES
from labs.words import TAKEN_SERVICES, TAKEN_STORAGE
from parts.all import Parts
from parts.budget import budget
from tests.unit.provisioned_lab import inventory

MANUAL = (PROJECT / "docs" / "lab-definition.md").read_text()


def rows() -> Iterator[tuple[str, str, str]]:
    """Return heading, key and default of all that a definition may say."""
    for name in keys((Lab,)):
        spot = locate(Lab, (name,))
        heading = f"## [{name}.NAME]" if spot.named else f"## [{name}]"
        for model in spot.tables:
            for key, field in model.model_fields.items():
                yield heading, field.alias or key, written_default(f"{name}.{key}", field)
        if not spot.tables:
            assert spot.about is not None
            yield "## Top level", name, written_default(name, spot.about)


def written_default(key: str, field: FieldInfo) -> str:
    """Return a default as the manual writes it; nothing for one that it has to explain."""
    assert field.description, f"{key} does not say what it means"
    default = "" if field.is_required() or field.default_factory else str(field.default)
    if isinstance(field.default, bool):
        default = default.lower()
    return "" if default == "None" or "(" in default else default


@pytest.mark.parametrize(("heading", "key", "default"), list(rows()))
def test_the_manual_explains_every_key(heading: str, key: str, default: str) -> None:
    section = MANUAL.partition(f"{heading}\n")[2].partition("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith(f"| `{key}` |")]
    assert len(found) == 1, f"{heading} {key} has no row of its own"
    assert default in found[0]


def test_the_manual_shows_every_kind() -> None:
    for name in keys((Lab,)):
        spot = locate(Lab, (name,))
        for kind in kinds(spot.tables):
            section = MANUAL.partition(f"## [{name}{'.NAME' if spot.named else ''}]\n")[2]
            assert f'`"{kind}"`' in section.partition("\n## ")[0], (name, kind)


@pytest.mark.parametrize(
    ("heading", "words"), [("services", TAKEN_SERVICES), ("storage", TAKEN_STORAGE)]
)
def test_the_manual_says_which_names_are_taken(heading: str, words: dict[str, str]) -> None:
    section = MANUAL.partition(f"## [{heading}.NAME]\n")[2].partition("\n|")[0]
    assert all(f"`{word}`" in section for word in words)


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

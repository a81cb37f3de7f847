"""The manual of lab definitions says what the model says."""

from __future__ import annotations

import tomllib

import pytest
from pydantic import BaseModel

from core.folders import PROJECT
from labs.checking import check
from labs.model import Lab
from labs.timing import EMULATION_PACE, KVM_PACE, PROFILES, Timing

MANUAL = (PROJECT / "docs" / "lab-definition.md").read_text()


def keys(model: type[BaseModel], table: str = "") -> list[tuple[str, str, str]]:
    """Return table, key and default of all that a definition may say."""
    rows: list[tuple[str, str, str]] = []
    for name, field in model.model_fields.items():
        key, kind = field.alias or name, field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows += keys(kind, key)
            continue
        assert field.description, f"{table}.{key} does not say what is allowed"
        default = "" if field.is_required() or field.default_factory else str(field.default)
        if isinstance(field.default, bool):
            default = default.lower()
        rows.append((table, key, "" if default == "None" or "(" in default else default))
    return rows


@pytest.mark.parametrize(("table", "key", "default"), keys(Lab))
def test_the_manual_explains_every_key(table: str, key: str, default: str) -> None:
    section = MANUAL.partition(f"## [{table}]" if table else "## Top level")[2].partition("\n## ")[
        0
    ]
    rows = [line for line in section.splitlines() if line.startswith(f"| `{key}` |")]
    assert len(rows) == 1, f"{table}.{key} has no row of its own"
    assert default in rows[0]


@pytest.mark.parametrize("pace", [KVM_PACE, EMULATION_PACE])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_manual_tells_the_budgets(pace: int, profile: dict[str, int]) -> None:
    assert f"{Timing(pace=pace, **profile).budget.total_s:g}" in MANUAL.partition("budget")[2]


def test_the_example_in_the_manual_is_a_lab() -> None:
    example = MANUAL.partition("```toml\n")[2].partition("```")[0]
    assert check("manual", tomllib.loads(example), Lab).name == "workshop"

"""What programs may read is what the documentation says: its examples, keys and versions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel

from cli.drills import SCHEMA_VERSION, describe
from core.folders import PROJECT
from drills.catalogue import catalogue
from drills.result import DrillResult
from inventory.model import Inventory
from status.collect import describe as describe_lab
from status.forecast import Forecasts
from status.model import LabStatus
from tests.unit.healthy_lab import HEALTHY, PARTS
from tests.unit.sketched import STORY

MANUAL = (PROJECT / "docs" / "json-schemas.md").read_text()


def section(beginning: str) -> tuple[int, str]:
    """Return the version and the text of the section whose heading begins like this."""
    [(version, text)] = re.findall(
        rf"^## `{re.escape(beginning)}[^\n]*`, version (\d+)\n(.*?)(?=^## |\Z)",
        MANUAL,
        re.MULTILINE | re.DOTALL,
    )
    return int(version), text


def example(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.partition("```json\n")[2].partition("```")[0])
    return found


def test_the_status_of_a_healthy_lab() -> None:
    version, text = section("./halab status NAME")
    shown = example(text)
    assert version == shown["version"]
    # Pulumi's lab, not the story's; and every boot has another id.
    told = LabStatus.model_validate(shown)
    assert told.model_dump(mode="json") == shown
    healthy = describe_lab(PARTS, HEALTHY, None).model_dump(mode="json")
    for key in ("quorum", "replication", "addresses", "services", "healthy", "reasons"):
        assert shown[key] == healthy[key], key
    ids = {(each["id"], each["node"]) for each in healthy["resources"]}
    assert {(each["id"], each["node"]) for each in shown["resources"]} == ids


def test_a_drill_of_the_catalogue() -> None:
    version, text = section("./halab drills LAB")
    [shown] = example(text)["drills"]
    assert (version, example(text)["version"]) == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert shown == describe(catalogue(STORY)["power-off"])


@pytest.mark.parametrize(
    ("beginning", "model", "untold"),
    [
        ("./halab status NAME", LabStatus, {"version"}),
        ("./halab inventory NAME", Inventory, {"version"}),
        ("./halab what-if LAB", Forecasts, {"version", "lab"}),
        ("./halab drill NAME FAULT", DrillResult, set()),
    ],
)
def test_every_key_has_a_row(beginning: str, model: type[BaseModel], untold: set[str]) -> None:
    version, text = section(beginning)
    assert version == model.model_fields["version"].default
    rows = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    told = {
        re.split(r"[.\[]", key)[0] for row in rows for key in re.findall(r"`([^`.][^`]*)`", row)
    }
    assert model.model_fields.keys() - untold <= told


def test_a_report_refers_to_the_keys_of_what_a_command_prints() -> None:
    text = (PROJECT / "docs" / "report.md").read_text()
    version = DrillResult.model_fields["version"].default
    assert f"#halab-drill-name-fault---json-version-{version})" in text

"""`python -m provisioning`: an inventory from anybody's editor, and errors in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.folders import PROJECT
from labs.roles import NETWORKS_OF
from provisioning.__main__ import read_inventory
from tests.unit.planned_lab import OFFERED, planned
from tests.unit.provisioned_lab import inventory

INVENTORY = inventory()
MANUAL = (PROJECT / "docs" / "provisioning.md").read_text()


def test_an_inventory_from_windows(tmp_path: Path) -> None:
    path = tmp_path / "inventory.json"
    path.write_bytes(b"\xef\xbb\xbf" + INVENTORY.model_dump_json(indent=2).encode())
    assert read_inventory(path) == INVENTORY


@pytest.mark.parametrize("secrets", ["/dev/null/secrets.json", "/proc/1/halab/secrets.json"])
def test_a_place_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path, secrets: str) -> None:
    path = tmp_path / "inventory.json"
    path.write_text(INVENTORY.model_dump_json())
    words = ["--inventory", str(path), "--secrets", secrets]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "provisioning", *words], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {Path(secrets).parts[0]}")
    assert "Traceback" not in done.stderr


def test_the_inventory_in_the_manual_is_one(tmp_path: Path) -> None:
    path = tmp_path / "inventory.json"
    path.write_text(MANUAL.partition("```json\n")[2].partition("```")[0])
    written = read_inventory(path)
    for machine in written.machines:
        assert tuple(machine.interfaces) == NETWORKS_OF[machine.role]
    # What it leaves out is what halab itself writes.
    planned_one = INVENTORY.model_copy(update={"machines": (), "firewall": written.firewall})
    assert written.model_copy(update={"machines": ()}) == planned_one


@pytest.mark.parametrize("name", OFFERED)
def test_what_halab_writes_it_reads(tmp_path: Path, name: str) -> None:
    path = tmp_path / "inventory.json"
    lab = planned(name, accelerated=True)
    path.write_text(lab.model_dump_json())
    assert read_inventory(path) == lab

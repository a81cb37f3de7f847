"""`python -m provisioning`: an inventory from anybody's editor, and errors in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provisioning.__main__ import read_inventory
from tests.unit.healthy_lab import INVENTORY


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

"""Provisioning a lab that is as it should be changes nothing and says so."""

from __future__ import annotations

import sys

from core.command import run
from core.folders import PROJECT, LabFolder


def test_a_second_provisioning_changes_nothing(folder: LabFolder) -> None:
    done = run(
        [
            sys.executable,
            "-m",
            "provisioning",
            "--inventory",
            folder.inventory,
            "--secrets",
            folder.secrets,
        ],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        timeout=600,
    )
    assert done.stdout.splitlines()[-1] == "changed: none", done.stdout

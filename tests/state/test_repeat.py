"""Repeating what made a lab that is as it should be changes nothing and says so."""

from __future__ import annotations

import sys

from core.command import run
from core.folders import PROJECT, LabFolder
from hypervisor.toolchain import find_toolchain
from infra.engine import Engine


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


def test_pulumi_sees_nothing_to_change(folder: LabFolder) -> None:
    toolchain = find_toolchain()
    assert toolchain is not None

    assert Engine(folder, toolchain.environment()).preview() == ()

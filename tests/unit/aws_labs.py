"""Definitions of labs that shall run on AWS: what comes with halab, on that platform."""

from __future__ import annotations

import tomllib
from typing import Any

from labs.checking import check
from labs.kernels import Kernel
from labs.loading import LABS, load
from labs.model import Lab
from labs.roles import MachineRole
from tests.unit.planned_lab import OFFERED

PLATFORM: dict[str, Any] = {
    "kind": "aws",
    "region": "eu-central-1",
    "management_from": "203.0.113.7/32",
}

NAMES = tuple(name for name in OFFERED if load(name).kernel(MachineRole.NODE) is not Kernel.FULL)
"""What comes with halab and can be on AWS, whose images have Debian's cloud kernel."""


def tables(name: str = "active-passive", **platform: Any) -> dict[str, Any]:
    """Return the tables of a definition that comes with halab, with AWS for its platform.

    What an instance type says instead is left out.
    """
    written = tomllib.loads((LABS / f"{name}.toml").read_text())
    for machine in ("nodes", "monitor"):
        for key in ("cpus", "memory_mib"):
            written.get(machine, {}).pop(key, None)
    return {**written, "platform": {**PLATFORM, **platform}}


def aws_lab(name: str = "active-passive", **platform: Any) -> Lab:
    """Return such a lab."""
    return check(f"{name}.toml", tables(name, **platform), Lab)

"""The collector that runs on nodes, and what its tools print on one that is healthy."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures" / "status"
PROGRAM = Path(__file__).parents[2] / "parts" / "programs" / "cluster_status.py"


def fixture(name: str) -> str:
    """Return the text of a captured file."""
    return (FIXTURES / name).read_text()


def healthy_tools() -> dict[str, str]:
    """Return what each tool prints, and what a file holds, on a healthy node."""
    return {
        "corosync-quorumtool": fixture("quorumtool-healthy.txt"),
        "corosync-cfgtool": fixture("cfgtool-healthy.txt"),
        "crm_mon": fixture("crm_mon-healthy.xml"),
        "sbd": fixture("sbd-healthy.txt"),
        "chronyc": ",".join(
            ["0A0A0003", "10.10.0.3", "9", "1.1", "0.000012", *"000000000"[:8], "Normal"]
        ),
        "/proc/mounts": "/dev/vda / ext4 rw 0 0\n",
        "/proc/drbd": fixture("drbd-healthy.txt"),
    }


def load_collector(printed: dict[str, str]) -> ModuleType:
    """Return the collector's module; it finds what `printed` says instead of the tools."""
    spec = importlib.util.spec_from_file_location("cluster_status", PROGRAM)
    assert spec and spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.output = lambda tool, *_: printed[tool]
    module.content = lambda path: printed[path]
    found: ModuleType = module
    return found

"""Pacemaker's agent for the web server: no worker outlives its master, and the verdict is kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parts.host import program

STOCK = "/usr/lib/ocf/resource.d/heartbeat/nginx"


@pytest.fixture
def called(tmp_path: Path) -> Path:
    """Make programs that write down how they are called; the orphans die at the second try."""
    log = tmp_path / "log"
    for name, text in {
        "stock": f'echo "agent $*" >>{log}; exit "${{VERDICT:-0}}"',
        "pkill": f'echo "pkill $*" >>{log}; [ "$(grep -c pkill {log})" -lt 2 ]',
        "sleep": "",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return log


def call(called: Path, action: str, verdict: int = 0) -> tuple[int, list[str]]:
    text = program("nginx_agent.sh")
    assert text.count(STOCK) == 1
    done = subprocess.run(
        ["/bin/sh", "-c", text.replace(STOCK, str(called.parent / "stock")), "nginx", action],
        env={"PATH": f"{called.parent}:/usr/bin:/bin", "VERDICT": str(verdict)},
        check=False,
    )
    return done.returncode, [line.split()[0] for line in called.read_text().splitlines()]


def test_orphans_are_gone_before_a_start(called: Path) -> None:
    assert call(called, "start") == (0, ["pkill", "pkill", "agent"])


def test_a_stop_leaves_nobody_behind_and_keeps_its_verdict(called: Path) -> None:
    assert call(called, "stop", verdict=1) == (1, ["agent", "pkill", "pkill"])


@pytest.mark.parametrize("action", ["monitor", "meta-data", "validate-all"])
def test_everything_else_is_left_to_the_stock_agent(called: Path, action: str) -> None:
    assert call(called, action, verdict=7) == (7, ["agent"])


def test_only_workers_without_a_master_are_ended(called: Path) -> None:
    call(called, "start")
    assert called.read_text().splitlines()[0] == (
        "pkill -KILL --parent 1 --full ^nginx: (worker|cache)"
    )

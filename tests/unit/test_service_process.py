"""What a service runs: its processes are told from those of another with the same program."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from core.processes import is_alive
from core.wait import wait_until
from drills.catalogue import catalogue
from parts.all import Parts
from parts.services.base import Process
from tests.unit.sketched import LABS, name_of


def children(process: subprocess.Popen[bytes]) -> list[int]:
    told = subprocess.run(
        ["pgrep", "--parent", str(process.pid)], check=True, capture_output=True, text=True
    )
    return list(map(int, told.stdout.split()))


def server(pid_file: Path) -> subprocess.Popen[bytes]:
    """Start a process with a child, as servers have them, that wrote its number down."""
    run = subprocess.Popen(["sh", "-c", f"sleep 60 & echo $$ >{pid_file}; wait"])
    wait_until(pid_file.exists, bool, what="the server writes its number", timeout=10, interval=0.1)
    return run


def test_of_two_services_with_one_program_only_one_is_killed(tmp_path: Path) -> None:
    files = tmp_path / "a.pid", tmp_path / "b.pid"
    one, other = map(server, files)
    try:
        [child] = children(one)
        subprocess.run(["sh", "-c", Process(str(files[0])).end], check=True)
        assert one.wait(10) == -signal.SIGKILL
        wait_until(
            lambda: is_alive(child), lambda is_so: not is_so, what="its child ends", timeout=10
        )
        assert other.poll() is None
        assert len(children(other)) == 1
    finally:
        subprocess.run(["sh", "-c", Process(str(files[1])).end], check=True)
        other.wait(10)


@pytest.mark.parametrize("parts", LABS, ids=name_of)
def test_only_who_leaves_workers_behind_is_killed_alone_besides(parts: Parts) -> None:
    """A database of threads in one process dies by that one, and a kernel's threads have none."""
    kind = parts.first_service.service.settings.kind
    assert ("service-master-killed" in catalogue(parts)) == (kind not in ("galera", "nfs"))
    assert "service-killed" in catalogue(parts)

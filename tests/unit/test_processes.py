"""Processes are told apart whatever they are called, and end whatever they do about it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from core import processes
from core.processes import Identity, end_tree, is_alive, start_time


def test_a_name_that_the_kernel_cut_within_a_letter_stops_nobody(tmp_path: Path) -> None:
    # It keeps 15 bytes of a program's name (proc(5), comm); the last letter here takes two.
    program = tmp_path / f"{'x' * 14}ü"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        alive, started = is_alive(process.pid), start_time(process.pid)
        process.kill()
    assert alive
    assert started.isdigit()


def test_a_process_is_itself_and_no_other_that_has_or_had_its_number() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        found = Identity.of(process.pid)
        known = found.is_alive(), Identity(process.pid, "1").is_alive()
        process.kill()
    assert known == (True, False)
    assert not found.is_alive()
    assert not Identity.of(process.pid).is_alive()


@pytest.mark.parametrize("word", ["", "trap '' TERM; "])
def test_a_process_ends_with_all_below_it_though_it_may_not_want_to(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 1)
    script = ["sh", "-c", f"{word}sleep 60 & echo $!; wait"]
    with subprocess.Popen(script, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        below = int(process.stdout.readline())
        end_tree(process.pid)
        assert not is_alive(process.pid)
        assert not is_alive(below)

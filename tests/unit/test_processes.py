"""Other people's processes have whatever names they like."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from core.processes import is_alive, start_time


def test_a_name_that_the_kernel_cut_within_a_letter_stops_nobody(tmp_path: Path) -> None:
    # It keeps 15 bytes of a program's name (proc(5), comm); the last letter here takes two.
    program = tmp_path / f"{'x' * 14}ü"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        alive, started = is_alive(process.pid), start_time(process.pid)
        process.kill()
    assert alive
    assert started.isdigit()

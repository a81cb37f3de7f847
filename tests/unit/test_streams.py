"""halab says what it has to say whatever its standard streams are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIST = [sys.executable, "-P", "-m", "cli", "list"]
SIGNS = "\\u2714 \\u2718 \\u25b8 \\u2026 \\u4e2d j\\udcfc"
PRINT = f"from cli import streams; streams.prepare(); print('{SIGNS}')"


@pytest.mark.parametrize(
    ("encoding", "bytes_"),
    [
        ("utf-8", "✔ ✘ ▸ … 中 j".encode() + b"\xfc\n"),
        ("iso-8859-15", b"+ x > ... ? j\xfc\n"),
        ("ascii", b"+ x > ... ? j\xfc\n"),
    ],
)
def test_signs_that_a_terminal_has_not_are_replaced(encoding: str, bytes_: bytes) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, env=environment)
    assert (done.stdout, done.stderr) == (bytes_, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_harm_nobody(closed: str, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *LIST], capture_output=True, env=environment
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_below_the_output_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(LIST, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr

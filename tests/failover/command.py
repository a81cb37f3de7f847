"""halab as a person types it, by the Python that runs the stories."""

from __future__ import annotations

import subprocess
import sys

from core.command import run

HALAB = (sys.executable, "-P", "-m", "cli")


def halab(*words: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `timeout` is in seconds. Raises CommandError when it fails."""
    return run([*HALAB, *words], timeout=timeout)

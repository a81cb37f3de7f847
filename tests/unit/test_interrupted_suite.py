"""A test run that is told to end takes its suites with it, and they heal what they broke first."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from cli import testing
from core.signals import interruptible
from core.wait import wait_until

STORY = """
import time
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.fixture
def broken():
    (HERE / "broken").touch()
    yield
    (HERE / "broken").unlink()

def test_it(broken):
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_cancelled_run_heals(number: int, tmp_path: Path) -> None:
    story, broken = tmp_path / "test_story.py", tmp_path / "broken"
    story.write_text(STORY)

    def cancel() -> None:
        wait_until(broken.exists, bool, what="the story begins", timeout=50, interval=0.1)
        os.kill(os.getpid(), number)

    told = threading.Thread(target=cancel)
    told.start()
    with pytest.raises(KeyboardInterrupt), interruptible():
        testing._check(
            (
                *testing.PYTHON,
                "pytest",
                "-p",
                "no:cacheprovider",
                "-p",
                "tests.conftest",
                str(story),
            )
        )
    told.join()
    assert not broken.exists()

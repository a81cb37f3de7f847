"""What every unit test may take for granted, wherever it runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from core.signals import ENDINGS


@pytest.fixture(autouse=True, scope="session")
def heard_signals() -> Iterator[None]:
    """Hear what ends a command, as on a terminal: nohup and a shell's background ignore some."""
    before = {number: signal.getsignal(number) for number in ENDINGS}
    for number, held in before.items():
        if held is signal.SIG_IGN:
            handler = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, handler)
    yield
    for number, held in before.items():
        signal.signal(number, held)


@pytest.fixture(autouse=True)
def nothing_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this user asks of halab by environment: a test says what it is about.

    HALAB_GOLDEN is asked of the tests themselves.
    """
    for name in list(os.environ):
        if name.startswith("HALAB_") and name != "HALAB_GOLDEN":
            monkeypatch.delenv(name)

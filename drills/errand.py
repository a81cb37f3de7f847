"""What the client outside has a service do, and for how long it waits; runs on the monitor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PROBE_TIMEOUT = 0.8
WRITE_TIMEOUT = 5.0
CONNECT_TIMEOUT = 3.0
"""All in seconds."""

Outcome = tuple[bool, str]
"""Whether it went well, and what the answer or the error was."""


class Errand:
    """One thing at a time: what takes longer than anybody would wait goes on, and the next waits.

    Whoever did not wait for it has to take it for failed.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None

    @property
    def is_late(self) -> bool:
        """Whether nobody waits for it any more, and it goes on."""
        return self.thread is not None and self.thread.is_alive()

    def within(self, seconds: float, action: Callable[[], Outcome]) -> Outcome:
        """Return how it went; nothing begins before the last is done."""
        deadline, told = time.monotonic() + seconds, [(False, "TimeoutError")]
        if self.thread is not None:
            self.thread.join(seconds)
            if self.is_late:
                return told[-1]
        # Python does not wait for its end, which may never come.
        self.thread = threading.Thread(target=lambda: told.append(action()), daemon=True)
        self.thread.start()
        self.thread.join(max(0.0, deadline - time.monotonic()))
        return told[-1]

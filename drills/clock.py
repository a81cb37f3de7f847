"""Clocks. The lab's machines agree among themselves; the hypervisor's clock is another one."""

from __future__ import annotations

import time

from inventory.model import Machine
from provisioning.remote import Remote


class LabClock:
    """Translates the hypervisor's time of day into the lab's, as its monitor tells it."""

    def __init__(self, monitor: Machine, *, samples: int = 3) -> None:
        with Remote(monitor) as remote:
            remote.run("true")
            readings = [_ask(remote) for _ in range(samples)]
        self.uncertainty, self.ahead = min(readings)

    def now(self) -> float:
        """Return the lab's time of day, in seconds since 1970."""
        return time.time() + self.ahead

    def here(self, lab_time: float) -> float:
        """Translate a time of the lab into this machine's."""
        return lab_time - self.ahead


def _ask(remote: Remote) -> tuple[float, float]:
    """Return half the round trip, and how far the machine's clock is ahead of ours."""
    before = time.time()
    told = float(remote.run("date +%s.%N").stdout)
    after = time.time()
    return (after - before) / 2, told - (before + after) / 2

"""Clocks. The lab's machines agree among themselves; the hypervisor's clock is another one."""

from __future__ import annotations

import time

from inventory.model import Machine
from machines.clock import measure
from machines.remote import Remote


class LabClock:
    """Translates the hypervisor's time of day into the lab's, as its monitor tells it."""

    def __init__(self, monitor: Machine) -> None:
        with Remote(monitor) as remote:
            offset = measure(remote)
        self.uncertainty, self.ahead = offset.uncertainty, offset.ahead

    def now(self) -> float:
        """Return the lab's time of day, in seconds since 1970."""
        return time.time() + self.ahead

    def here(self, lab_time: float) -> float:
        """Translate a time of the lab into this machine's."""
        return lab_time - self.ahead

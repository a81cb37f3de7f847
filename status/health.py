"""Waits until a lab is healthy."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.wait import wait_until
from inventory.model import Inventory
from inventory.record import LabRecord
from status.collect import Observer
from status.model import LabStatus

READ_EVERY_S = 2.0
"""Seconds between two readings at pace 1. A reading takes a second of an emulated guest's only
core: reading all the time would double the time that recovery takes."""


def wait_healthy(
    inventory: Inventory,
    timeout: float,
    on_change: Callable[[str], None] = lambda _: None,
    *,
    record: LabRecord | None = None,
) -> LabStatus:
    """Read the lab until nothing is wrong with it and return its status; `timeout` in seconds.

    `on_change` hears a sentence each time the situation changes. Raises WaitTimeout with the
    reasons that were left.
    """
    with Observer(inventory, record) as observer:
        return wait_until(
            _Patient(observer, READ_EVERY_S * inventory.timing.pace).read,
            lambda status: status.healthy,
            what=f"lab {inventory.lab} healthy",
            timeout=timeout,
            describe=LabStatus.summary,
            on_change=on_change,
            hint=f"`./halab status {inventory.lab}` shows all of it",
        )


class _Patient:
    """Reads a lab at most every `interval` seconds, or as soon as its service begins to answer.

    What comes between is the last reading again: there is no health without the service, and to
    ask for that is cheap.
    """

    def __init__(self, observer: Observer, interval: float) -> None:
        self._observer = observer
        self._interval = interval
        self._last: LabStatus | None = None
        self._read_at = 0.0

    def read(self) -> LabStatus:
        """Return the lab's status, a few seconds old at most."""
        due = time.monotonic() - self._read_at >= self._interval
        if self._last is None or due or self._has_come_back(self._last):
            self._last = self._observer.read()
            self._read_at = time.monotonic()
        return self._last

    def _has_come_back(self, last: LabStatus) -> bool:
        return not last.service.answers and self._observer.service_answers()

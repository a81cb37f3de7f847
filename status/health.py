"""Waits until a lab is healthy."""

from __future__ import annotations

from collections.abc import Callable

from core.wait import wait_until
from inventory.model import Inventory
from inventory.record import LabRecord
from status.collect import Observer
from status.model import LabStatus


def wait_healthy(
    inventory: Inventory,
    timeout: float,
    on_change: Callable[[str], None] = lambda _: None,
    *,
    record: LabRecord | None = None,
) -> LabStatus:
    """Read the lab until nothing is wrong with it and return its status; `timeout` in seconds.

    `on_change` hears a sentence each time the situation changes. Raises WaitTimeout with every
    reason that was left.
    """
    with Observer(inventory, record) as observer:
        return wait_until(
            observer.read,
            lambda status: status.healthy,
            what=f"lab {inventory.lab} healthy",
            timeout=timeout,
            describe=LabStatus.summary,
            on_change=on_change,
            hint=f"`./halab status {inventory.lab}` shows all of it",
        )

"""Where an update waits until the lab is so that it may go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from core.saying import Say
from drills.site import Site
from status.collect import Observer
from status.health import READ_EVERY_S, wait_healthy
from status.membership import (
    missing_elsewhere,
    missing_member,
    missing_online,
    silence,
    still_there,
    wait_for,
)
from status.model import LabStatus

_TAKEN_BACK_S = 3 * READ_EVERY_S
"""Seconds at pace 1 that what was just taken back, a standby say, may still be seen."""


class Gates:
    """The gates of one lab; `report` hears what is waited for."""

    def __init__(self, site: Site, report: Say) -> None:
        self._site = site
        self._timing = site.inventory.timing
        self._report = report

    def healthy(self, known: Collection[str] | None = None) -> LabStatus:
        """Wait until nothing is wrong: both disks of replicated storage are UpToDate then.

        With `known`, what failed and was repaired is wrong too, unless it was known before. Raises
        WaitTimeout and WaitFailed with what is wrong.
        """
        return wait_healthy(
            self._site.inventory,
            self._timing.rejoin_wait_s,
            self._report,
            patience_s=_TAKEN_BACK_S * self._timing.pace,
            known=known,
        )

    def empty(self, node: str) -> LabStatus:
        """Wait until nothing runs on a node any more, whoever serves."""
        return self._wait(lambda found: still_there(found, node), f"{node} without resources")

    def left(self, node: str, silent_s: float, before: LabStatus) -> LabStatus:
        """Wait until nothing runs on a node any more and every service answers elsewhere.

        What was wrong elsewhere or silent `before` may stay so. Raises WaitFailed once another has
        been silent for `silent_s`: nobody else can serve it then.
        """
        silent_since: float | None = None

        def failed(found: LabStatus) -> str | None:
            nonlocal silent_since
            said = silence(found, before)
            if not said:
                silent_since = None
                return None
            now = time.monotonic()
            silent_since = now if silent_since is None else silent_since
            return f"{said} for {silent_s:.0f} s" if now - silent_since > silent_s else None

        return self._wait(
            lambda found: missing_elsewhere(found, node, before),
            f"{node} without resources",
            failed,
        )

    def member(self, node: str) -> LabStatus:
        """Wait until a node is back in the cluster, in standby, and all votes are there."""
        return self._wait(lambda found: missing_member(found, node), f"{node} back in the cluster")

    def online(self, node: str) -> LabStatus:
        """Wait until a node takes its part again, however others are."""
        inventory = self._site.inventory
        machine = inventory.machine(node)
        return self._wait(
            lambda found: missing_online(found, machine, inventory), f"{node} takes its part"
        )

    def _wait(
        self,
        missing: Callable[[LabStatus], str | None],
        what: str,
        failed: Callable[[LabStatus], str | None] = lambda _: None,
    ) -> LabStatus:
        with Observer(self._site.inventory) as observer:
            return wait_for(observer, missing, what, self._report, failed=failed)

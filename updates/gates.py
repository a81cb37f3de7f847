"""Where an update waits until the lab is so that it may go on."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.wait import wait_until
from drills.site import Site
from parts.seen import NodeState
from status.collect import Observer
from status.health import READ_EVERY_S, wait_healthy
from status.model import LabStatus
from wire.corosync import QdeviceState
from wire.pacemaker import ResourceState

WRONG = frozenset({ResourceState.FAILED, ResourceState.BLOCKED})

_TAKEN_BACK_S = 3 * READ_EVERY_S
"""Seconds at pace 1 that what was just taken back, a standby say, may still be seen."""


class Gates:
    """The gates of one lab; `report` hears what is waited for."""

    def __init__(self, site: Site, report: Callable[[str], None]) -> None:
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

    def left(self, node: str) -> LabStatus:
        """Wait until nothing runs on a node any more and every service answers elsewhere."""
        return self._wait(lambda found: missing_elsewhere(found, node), f"{node} without resources")

    def member(self, node: str) -> LabStatus:
        """Wait until a node is back in the cluster, in standby, and all votes are there."""
        return self._wait(lambda found: missing_member(found, node), f"{node} back in the cluster")

    def _wait(self, missing: Callable[[LabStatus], str | None], what: str) -> LabStatus:
        with Observer(self._site.inventory) as observer:
            return wait_until(
                observer.read,
                lambda found: missing(found) is None,
                what=what,
                timeout=self._timing.rejoin_wait_s,
                describe=lambda found: missing(found) or "as it has to be",
                interval=READ_EVERY_S * self._timing.pace,
                on_change=self._report,
            )


def missing_elsewhere(found: LabStatus, node: str) -> str | None:
    """Say what keeps a node from being stopped; None when nothing does."""
    if state_of(found, node) is NodeState.ONLINE:
        return f"{node} is not in standby yet"
    for each in found.resources:
        if each.node == node and each.state is not ResourceState.STOPPED:
            return f"{each.id} still runs on {node}"
        if each.node not in (None, node) and each.state in WRONG:
            return f"{each.id} is {each.state} on {each.node}"
    silent = [service.name for service in found.services if not service.answers]
    return f"{', '.join(silent)} does not answer" if silent else None


def missing_member(found: LabStatus, node: str) -> str | None:
    """Say what a node lacks to be a member in standby; None when it is one."""
    state = state_of(found, node)
    if state is not NodeState.STANDBY:
        return f"{node} is {state}"
    quorum = found.quorum
    if quorum is None or not quorum.quorate or quorum.votes < quorum.expected:
        return "not all votes are there"
    if quorum.qdevice not in (None, QdeviceState.VOTING):
        return "the quorum device does not vote"
    return None


def state_of(found: LabStatus, node: str) -> NodeState:
    """Return how a node takes part."""
    return next(each.state for each in found.nodes if each.name == node)

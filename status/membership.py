"""Whether a node may leave the cluster, and whether it has joined: what is missing, in words."""

from __future__ import annotations

from collections.abc import Callable

from core.wait import wait_until
from parts.seen import NodeState
from status.collect import Observer
from status.health import READ_EVERY_S
from status.model import LabStatus
from wire.corosync import QdeviceState
from wire.pacemaker import ResourceState

WRONG = frozenset({ResourceState.FAILED, ResourceState.BLOCKED})


def wait_for(
    observer: Observer,
    missing: Callable[[LabStatus], str | None],
    what: str,
    report: Callable[[str], None],
    hint: str | None = None,
) -> LabStatus:
    """Read a lab until nothing is missing, as long as a node may take to come back; return it then.

    `report` hears what is, each time that it changes. Raises WaitTimeout with `hint`.
    """
    timing = observer.inventory.timing
    return wait_until(
        observer.read,
        lambda found: missing(found) is None,
        what=what,
        timeout=timing.rejoin_wait_s,
        describe=lambda found: missing(found) or "as it has to be",
        interval=READ_EVERY_S * timing.pace,
        on_change=report,
        hint=hint,
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

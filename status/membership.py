"""Whether a node may leave the cluster, and whether it has joined: what is missing, in words."""

from __future__ import annotations

from collections.abc import Callable

from core.wait import wait_until
from parts.seen import NodeState
from parts.storage.replicas import UP_TO_DATE
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
    failed: Callable[[LabStatus], str | None] = lambda _: None,
) -> LabStatus:
    """Read a lab until nothing is missing, as long as a node may take to come back; return it then.

    `report` hears what is, each time that it changes; `failed` says why it is in vain to wait.
    Raises WaitTimeout with `hint`, WaitFailed.
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
        failed=failed,
    )


def missing_elsewhere(found: LabStatus, node: str) -> str | None:
    """Say what keeps a node from being stopped; None when nothing does."""
    for each in found.resources:
        if each.node not in (None, node) and each.state in WRONG:
            return f"{each.id} is {each.state} on {each.node}"
    return still_there(found, node) or silence(found)


def still_there(found: LabStatus, node: str) -> str | None:
    """Say what has yet to leave a node; None where nothing has."""
    if state_of(found, node) is NodeState.ONLINE:
        return f"{node} is not in standby yet"
    for each in found.resources:
        if each.node == node and each.state is not ResourceState.STOPPED:
            return f"{each.id} still runs on {node}"
    return None


def silence(found: LabStatus) -> str | None:
    """Say which services do not answer; None where all do."""
    silent = [service.name for service in found.services if not service.answers]
    return f"{', '.join(silent)} does not answer" if silent else None


def missing_online(found: LabStatus, node: str) -> str | None:
    """Say what a node lacks that is to take its part again; None where it does.

    Other nodes may be whatever they are.
    """
    state = state_of(found, node)
    if state is not NodeState.ONLINE:
        return f"{node} is {state}"
    for each in found.resources:
        if each.node == node and each.state in WRONG:
            return f"{each.id} is {each.state} on {node}"
    for storage, disks in found.replication.items():
        if node in disks and disks[node].disk != UP_TO_DATE:
            return f"{storage} on {node} is {disks[node].disk}"
    return None


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

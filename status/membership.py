"""Whether a node may leave the cluster, and whether it has joined: what is missing, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.saying import Say
from core.wait import wait_until
from inventory.model import Inventory, Machine
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
    report: Say,
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


def missing_elsewhere(found: LabStatus, node: str, before: LabStatus | None = None) -> str | None:
    """Say what keeps a node from being stopped; None when nothing does.

    What was wrong `before` is no reason: its going may be what mends that.
    """
    known = () if before is None else wrong_elsewhere(before, node)
    new = (each for each in wrong_elsewhere(found, node) if each not in known)
    return next(new, None) or still_there(found, node) or silence(found, before)


def wrong_elsewhere(found: LabStatus, node: str) -> tuple[str, ...]:
    """Say which resources are wrong on other nodes."""
    return tuple(
        f"{each.id} is {each.state} on {each.node}"
        for each in found.resources
        if each.node not in (None, node) and each.state in WRONG
    )


def still_there(found: LabStatus, node: str) -> str | None:
    """Say what has yet to leave a node; None where nothing has."""
    if state_of(found, node) is NodeState.ONLINE:
        return f"{node} is not in standby yet"
    for each in found.resources:
        if each.node == node and each.state is not ResourceState.STOPPED:
            return f"{each.id} still runs on {node}"
    return None


def silence(found: LabStatus, before: LabStatus | None = None) -> str | None:
    """Say which services do not answer that did `before`; None where all do."""
    known = () if before is None else _silent(before)
    silent = [name for name in _silent(found) if name not in known]
    return f"{', '.join(silent)} does not answer" if silent else None


def _silent(found: LabStatus) -> tuple[str, ...]:
    return tuple(service.name for service in found.services if not service.answers)


def missing_online(found: LabStatus, node: Machine, inventory: Inventory) -> str | None:
    """Say what a node lacks that is to take its part again; None where it does.

    Other nodes may be whatever they are.
    """
    return next(_missing_online(found, node, inventory), None)


def _missing_online(found: LabStatus, node: Machine, inventory: Inventory) -> Iterator[str]:
    name = node.name
    state = state_of(found, name)
    if state is not NodeState.ONLINE:
        yield f"{name} is {state}"
    for each in found.resources:
        if each.node == name and each.state in WRONG:
            yield f"{each.id} is {each.state} on {name}"
    for storage in inventory.storage:
        if storage.replicated and node in inventory.carriers(storage):
            disk = found.replication.get(storage.name, {}).get(name)
            if disk is None:
                yield f"{storage.name} is not up on {name}"
            elif disk.disk != UP_TO_DATE:
                yield f"{storage.name} on {name} is {disk.disk}"
    for service in inventory.services:
        there = name in found.service(service.name).nodes
        if service.everywhere and node in inventory.places(service) and not there:
            yield f"{service.name} does not run on {name}"


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

"""Pacemaker's view of the cluster: text of `crm_mon --output-as=xml` in, frozen types out."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from status.model import ResourceState, Role

COMMAND = "crm_mon --one-shot --inactive --fence-history=3 --output-as=xml --exclude=operations"
"""What to run on a node. Operation history is left out: it is most of the output and nobody reads
it; failed operations and fail counts stay."""

INFINITY = "INFINITY"


@dataclass(frozen=True)
class Member:
    """A cluster node as this partition sees it."""

    name: str
    online: bool
    standby: bool
    unclean: bool
    pending: bool
    maintenance: bool


@dataclass(frozen=True)
class Instance:
    """One instance of a primitive; `node` is None where it runs nowhere."""

    id: str
    node: str | None
    role: Role
    state: ResourceState


@dataclass(frozen=True)
class Ban:
    """A constraint that keeps a resource, or its promotion, from a node."""

    id: str
    resource: str
    node: str


@dataclass(frozen=True)
class Failure:
    """An operation that failed and has not been cleaned up or expired."""

    operation: str
    node: str
    reason: str


@dataclass(frozen=True)
class FailCount:
    """How often a resource has failed on a node, and how often it may."""

    resource: str
    node: str
    count: str
    threshold: str = INFINITY

    @property
    def is_final(self) -> bool:
        """Whether the cluster has given the resource up on that node."""
        return _score(self.count) >= _score(self.threshold)


@dataclass(frozen=True)
class FenceEvent:
    """An entry of the fencing history, newest first; `status` is success, failed or pending."""

    target: str
    action: str
    status: str
    completed: str | None


@dataclass(frozen=True)
class ClusterView:
    """Everything that one node's pacemaker says."""

    dc: str | None
    quorate: bool
    fencing_enabled: bool
    maintenance: bool
    members: tuple[Member, ...]
    instances: tuple[Instance, ...]
    bans: tuple[Ban, ...]
    failures: tuple[Failure, ...]
    fail_counts: tuple[FailCount, ...]
    fence_events: tuple[FenceEvent, ...]

    def member(self, name: str) -> Member | None:
        """Return the node with this name as the view has it."""
        return next((member for member in self.members if member.name == name), None)

    def running(self, resource: str, role: Role = Role.STARTED) -> tuple[str, ...]:
        """Return the nodes that run a resource in a role."""
        return tuple(
            found.node
            for found in self.instances
            if found.id == resource and found.role is role and found.node is not None
        )


def parse_cluster(text: str) -> ClusterView | None:
    """Read crm_mon's XML; None when it is not there or says that pacemaker does not answer."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError:
        return None
    dc, options = root.find("summary/current_dc"), root.find("summary/cluster_options")
    if dc is None or options is None:
        return None
    return ClusterView(
        dc=dc.get("name"),
        quorate=_flag(dc, "with_quorum"),
        fencing_enabled=_flag(options, "stonith-enabled"),
        maintenance=_flag(options, "maintenance-mode"),
        members=tuple(_member(node) for node in root.iterfind("nodes/node")),
        instances=tuple(
            instance for found in root.iterfind("resources//resource") for instance in _of(found)
        ),
        bans=tuple(
            Ban(ban.get("id", ""), ban.get("resource", ""), ban.get("node", ""))
            for ban in root.iterfind("bans/ban")
        ),
        failures=tuple(_failure(failure) for failure in root.iterfind("failures/failure")),
        fail_counts=tuple(
            FailCount(
                history.get("id", ""),
                node.get("name", ""),
                history.get("fail-count", ""),
                history.get("migration-threshold", INFINITY),
            )
            for node in root.iterfind("node_history/node")
            for history in node.iterfind("resource_history")
            if history.get("fail-count", "0") != "0"
        ),
        fence_events=tuple(
            FenceEvent(
                event.get("target", ""),
                event.get("action", ""),
                event.get("status", ""),
                event.get("completed"),
            )
            for event in root.iterfind("fence_history/fence_event")
        ),
    )


def _score(text: str) -> int:
    """Read a count as Pacemaker writes it: INFINITY stands for a million."""
    return int(text) if text.isdigit() else 1_000_000


def _flag(element: Element, name: str) -> bool:
    return element.get(name) == "true"


def _member(node: Element) -> Member:
    return Member(
        name=node.get("name", ""),
        online=_flag(node, "online"),
        standby=_flag(node, "standby") or _flag(node, "standby_onfail"),
        unclean=_flag(node, "unclean"),
        pending=_flag(node, "pending"),
        maintenance=_flag(node, "maintenance"),
    )


def _of(resource: Element) -> list[Instance]:
    """One instance for every node that a resource runs on: more than one is an error to show."""
    name, role, state = resource.get("id", ""), _role(resource), _state(resource)
    nodes = [node.get("name") for node in resource.iterfind("node")]
    return [Instance(name, node, role, state) for node in nodes or [None]]


def _role(resource: Element) -> Role:
    try:
        return Role(resource.get("role", "").lower())
    except ValueError:
        return Role.OTHER


def _state(resource: Element) -> ResourceState:
    if _flag(resource, "orphaned"):
        return ResourceState.ORPHANED
    if _flag(resource, "blocked"):
        return ResourceState.BLOCKED
    if _flag(resource, "failed"):
        return ResourceState.FAILED
    if not _flag(resource, "managed"):
        return ResourceState.UNMANAGED
    if resource.get("pending"):
        return ResourceState.PENDING
    return ResourceState.RUNNING if _flag(resource, "active") else ResourceState.STOPPED


def _failure(failure: Element) -> Failure:
    # Which of the two names the operation depends on whether the resource is still configured.
    operation = failure.get("op_key") or failure.get("id") or "an operation"
    reasons = (failure.get("exitstatus"), failure.get("exitreason"))
    return Failure(operation, failure.get("node", ""), ": ".join(filter(None, reasons)))

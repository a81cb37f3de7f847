"""Pacemaker's view of the cluster, as `crm_mon --output-as=xml` prints it."""

from __future__ import annotations

from enum import StrEnum
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from wire.record import Record

CLUSTER_COMMAND = (
    "crm_mon --one-shot --inactive --fence-history=3 --output-as=xml --exclude=operations"
)
"""What to run on a node. Operation history is left out: it is most of the output and nobody reads
it; failed operations and fail counts stay."""

INFINITY = "INFINITY"


class Role(StrEnum):
    """What an instance of a resource does. Instances without a node are stopped."""

    STARTED = "started"
    PROMOTED = "promoted"
    UNPROMOTED = "unpromoted"
    STOPPED = "stopped"
    OTHER = "other"


class ResourceState(StrEnum):
    """How an instance of a resource is, whatever its role."""

    RUNNING = "running"
    STOPPED = "stopped"
    PENDING = "pending"
    FAILED = "failed"
    BLOCKED = "blocked"
    UNMANAGED = "unmanaged"
    ORPHANED = "orphaned"


class Member(Record):
    """A cluster node as this partition sees it."""

    name: str
    online: bool
    standby: bool
    unclean: bool
    pending: bool
    maintenance: bool


class Instance(Record):
    """One instance of a primitive; `node` is None where it runs nowhere.

    `pending`: it is about to change. `orphaned`: it runs and is no longer configured.
    """

    id: str
    node: str | None
    role: Role
    active: bool
    managed: bool
    pending: bool
    failed: bool
    blocked: bool
    orphaned: bool

    @property
    def state(self) -> ResourceState:
        """The gravest of what is said of it."""
        if self.orphaned:
            return ResourceState.ORPHANED
        if self.blocked:
            return ResourceState.BLOCKED
        if self.failed:
            return ResourceState.FAILED
        if not self.managed:
            return ResourceState.UNMANAGED
        if self.pending:
            return ResourceState.PENDING
        return ResourceState.RUNNING if self.active else ResourceState.STOPPED


NEVER_ON = "never-on"
"""In the ids of constraints that keep a resource for good from a node that lacks what it needs."""


class Ban(Record):
    """A constraint that keeps a resource, or its promotion, from a node that could have it."""

    id: str
    resource: str
    node: str


class Failure(Record):
    """An operation that failed and has not been cleaned up or expired."""

    operation: str
    node: str
    reason: str


class FailCount(Record):
    """How often a resource has failed on a node, and how often it may."""

    resource: str
    node: str
    count: str
    threshold: str = INFINITY

    @property
    def is_final(self) -> bool:
        """Whether the cluster has given the resource up on that node."""
        return _score(self.count) >= _score(self.threshold)


class FenceEvent(Record):
    """An entry of the fencing history, newest first; `status` is success, failed or pending."""

    target: str
    action: str
    status: str
    completed: str | None


class ClusterView(Record):
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

    @property
    def latest_fencing(self) -> tuple[FenceEvent, ...]:
        """The newest event of each target: an old failure that was made good is gone."""
        newest: dict[str, FenceEvent] = {}
        for event in self.fence_events:
            newest.setdefault(event.target, event)
        return tuple(newest.values())

    def rests(self, node: str | None) -> bool:
        """Whether maintenance keeps the cluster from doing anything on a node (None: nowhere)."""
        return self.maintenance or any(
            member.maintenance for member in self.members if member.name == node
        )


def parse_cluster(text: str) -> ClusterView | None:
    """Read CLUSTER_COMMAND; None when there is no XML or it says that pacemaker does not answer."""
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
        members=members_in(root),
        instances=instances_in(root),
        bans=tuple(
            Ban(ban.get("id", ""), ban.get("resource", ""), ban.get("node", ""))
            for ban in root.iterfind("bans/ban")
            if f"-{NEVER_ON}-" not in ban.get("id", "")
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


def members_in(status: Element) -> tuple[Member, ...]:
    """Read the nodes below an element that shows how a cluster is."""
    return tuple(_member(node) for node in status.iterfind("nodes/node"))


def instances_in(status: Element) -> tuple[Instance, ...]:
    """Read the resources below an element that shows how a cluster is."""
    return tuple(each for found in status.iterfind("resources//resource") for each in _of(found))


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
    instance = Instance(
        id=resource.get("id", ""),
        node=None,
        role=_role(resource),
        active=_flag(resource, "active"),
        managed=_flag(resource, "managed"),
        pending=bool(resource.get("pending")),
        failed=_flag(resource, "failed"),
        blocked=_flag(resource, "blocked"),
        orphaned=_flag(resource, "orphaned"),
    )
    nodes = [node.get("name") for node in resource.iterfind("node")]
    return [instance.replace(node=node) for node in nodes] or [instance]


def _role(resource: Element) -> Role:
    try:
        return Role(resource.get("role", "").lower())
    except ValueError:
        return Role.OTHER


def _failure(failure: Element) -> Failure:
    # Which of the two names the operation depends on whether the resource is still configured.
    operation = failure.get("op_key") or failure.get("id") or "an operation"
    reasons = (failure.get("exitstatus"), failure.get("exitreason"))
    return Failure(operation, failure.get("node", ""), ": ".join(filter(None, reasons)))

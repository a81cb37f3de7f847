"""What `status` says about a lab: the types behind `status --json` (docs/json-schemas.md)."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Literal

from inventory.model import Frozen
from labs.roles import MachineRole
from status.problems import Problem


class NodeState(StrEnum):
    """How a machine takes part. The monitor is only ever online or unreachable."""

    ONLINE = "online"
    STANDBY = "standby"
    OFFLINE = "offline"
    UNCLEAN = "unclean"
    UNREACHABLE = "unreachable"


class QdeviceState(StrEnum):
    """What the quorum device does: it votes, it is known but silent, or nobody knows of it."""

    VOTING = "voting"
    SILENT = "silent"
    ABSENT = "absent"


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


class MonitoringState(StrEnum):
    """Whether the open problems are known."""

    ANSWERS = "answers"
    UNREACHABLE = "unreachable"
    OFF = "off"
    NOT_ASKED = "not asked"


class NodeStatus(Frozen):
    """One machine; `boot_id` changes with every boot and is None while it is unreachable."""

    name: str
    role: MachineRole
    state: NodeState
    boot_id: str | None


class Quorum(Frozen):
    """Votes present and expected, the quorum device's among them."""

    quorate: bool
    votes: int
    expected: int
    qdevice: QdeviceState


class LinkStatus(Frozen):
    """One cluster link as one node sees it."""

    node: str
    link: int
    peer: str
    connected: bool


class ResourceStatus(Frozen):
    """One instance of a cluster resource; `node` is None where it runs nowhere."""

    id: str
    node: str | None
    role: Role
    state: ResourceState


class ReplicationStatus(Frozen):
    """The replicated disk as one node's kernel sees it; `out_of_sync` is in KiB."""

    connection: str
    role: str
    disk: str
    peer_disk: str
    out_of_sync: int


class AddressStatus(Frozen):
    """A node that holds the service address, as its kernel says."""

    address: IPv4Address
    node: str


class ServiceStatus(Frozen):
    """Whether the service answers the monitor, which stands outside the cluster."""

    url: str
    answers: bool


class RemedyStatus(Frozen):
    """What ends a reason, or a line of the history, that ends late or never by itself.

    `command` is ready to paste; `warning` says when it must not be run. `by_itself_s`: after how
    many seconds at most nobody need do anything; None for never, or when nobody can tell.
    """

    reason: str
    command: str
    warning: str | None = None
    by_itself_s: int | None = None


class LabStatus(Frozen):
    """A lab at one moment. `healthy` is true exactly when there are no `reasons`.

    `history` is what went wrong, is over and harms nothing any more.

    `platform` and `accelerated` are None for machines that halab did not make.
    """

    version: Literal[1] = 1
    lab: str
    platform: str | None
    accelerated: bool | None
    nodes: tuple[NodeStatus, ...]
    quorum: Quorum | None
    dc: str | None = None
    """The node that coordinates the cluster, as the quorate partition says."""
    links: tuple[LinkStatus, ...]
    resources: tuple[ResourceStatus, ...]
    replication: dict[str, ReplicationStatus]
    addresses: tuple[AddressStatus, ...]
    service: ServiceStatus
    monitoring: MonitoringState = MonitoringState.NOT_ASKED
    problems: tuple[Problem, ...] | None = None
    """What monitoring complains about; None when it was not or could not be asked."""
    healthy: bool
    reasons: tuple[str, ...]
    history: tuple[str, ...] = ()
    remedies: tuple[RemedyStatus, ...] = ()

    @property
    def active(self) -> str | None:
        """The one node that is DRBD Primary, or None when there is none or more than one."""
        primaries = [name for name, disk in self.replication.items() if disk.role == "Primary"]
        return primaries[0] if len(primaries) == 1 else None

    def summary(self) -> str:
        """Return one line for progress: healthy, or what is still missing."""
        if self.healthy:
            return f"{self.lab} is healthy, {self.active} is active"
        first, *others = self.reasons
        return first if not others else f"{first} (and {len(others)} more)"

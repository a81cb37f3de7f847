"""The roles that machines and networks play."""

from __future__ import annotations

from enum import StrEnum


class MachineRole(StrEnum):
    """What a machine is for."""

    NODE = "node"
    MONITOR = "monitor"


class NetworkRole(StrEnum):
    """What a network is for. Replication runs on a bond over both cluster networks."""

    MANAGEMENT = "management"
    CLUSTER_A = "cluster-a"
    CLUSTER_B = "cluster-b"
    SERVICE = "service"
    REPLICATION = "replication"


CABLED: tuple[NetworkRole, ...] = tuple(
    role for role in NetworkRole if role is not NetworkRole.REPLICATION
)
"""Networks with an interface of their own; replication runs inside the cluster networks."""

NETWORKS_OF: dict[MachineRole, tuple[NetworkRole, ...]] = {
    MachineRole.NODE: tuple(NetworkRole),
    MachineRole.MONITOR: (NetworkRole.MANAGEMENT, NetworkRole.SERVICE),
}
"""The monitor stands outside the cluster, where clients and administrators are."""


INTERFACE_NAMES: dict[NetworkRole, str] = {
    NetworkRole.MANAGEMENT: "mgmt",
    NetworkRole.CLUSTER_A: "cla",
    NetworkRole.CLUSTER_B: "clb",
    NetworkRole.SERVICE: "svc",
    NetworkRole.REPLICATION: "repl",
}
"""The names that halab's guests give to their interfaces."""

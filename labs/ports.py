"""What is open on a lab's machines: the one table behind rule sets, documentation and scans.

Everything that does not stand here is dropped. A row says who may begin to talk; answers are let
through because they are answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from labs.roles import MachineRole, NetworkRole

SSH_PORT = 22
NTP_PORT = 123
QNETD_PORT = 5403
"""corosync-qnetd(8), option -p."""

COROSYNC_PORT = 5405
"""Link 0; every further link takes the next port (corosync.conf(5), mcastport)."""

DRBD_PORT = 7788

DLM_PORT = 21064
"""What the kernel's lock manager listens at, and what it calls its peers at (its own default)."""

GALERA_PORTS: dict[int, str] = {
    4444: "Galera, whole copies",
    4567: "Galera",
    4568: "Galera, what a copy missed",
}
"""On the replication network, between the servers: what Galera's documentation calls SST, group
communication (over TCP; UDP is for multicast alone) and IST."""

HAPROXY_STATISTICS = 8404
"""On the loopback of a node alone; the port that HAProxy's documentation uses for it."""

ZABBIX_FRONTEND = 80
"""The web frontend and the API on the monitor."""

ZABBIX_AGENT = 10050
"""Every machine's agent answers the server here."""

ZABBIX_SERVER = 10051
"""The server takes values from agents and from zabbix_sender here."""


class Protocol(StrEnum):
    """What a packet speaks. ICMP stands for echo requests alone and has no ports."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    ICMP = "icmp"


class Peer(StrEnum):
    """Who may begin to talk, always with an address of the very network that is spoken of.

    The platform is what carries the machines: `halab` reaches them from its address.
    """

    NODE = "node"
    MONITOR = "monitor"
    PLATFORM = "platform"
    ANYBODY = "anybody"


@dataclass(frozen=True)
class Opening:
    """One thing that one kind of machine accepts on one network; `port` is None for ICMP."""

    role: MachineRole
    network: NetworkRole
    protocol: Protocol
    port: int | None
    peers: tuple[Peer, ...]
    purpose: str


_NODE, _MONITOR = MachineRole.NODE, MachineRole.MONITOR
_MANAGEMENT, _SERVICE = NetworkRole.MANAGEMENT, NetworkRole.SERVICE
_EVERY_MACHINE = (Peer.PLATFORM, Peer.NODE, Peer.MONITOR)

FIXED: tuple[Opening, ...] = (
    Opening(_NODE, _MANAGEMENT, Protocol.TCP, SSH_PORT, _EVERY_MACHINE, "ssh"),
    Opening(_NODE, _MANAGEMENT, Protocol.ICMP, None, _EVERY_MACHINE, "ping"),
    Opening(
        _NODE,
        NetworkRole.CLUSTER_A,
        Protocol.UDP,
        COROSYNC_PORT,
        (Peer.NODE,),
        "Corosync, link 0",
    ),
    Opening(_NODE, NetworkRole.CLUSTER_A, Protocol.ICMP, None, (Peer.NODE,), "ping"),
    Opening(
        _NODE,
        NetworkRole.CLUSTER_B,
        Protocol.UDP,
        COROSYNC_PORT + 1,
        (Peer.NODE,),
        "Corosync, link 1",
    ),
    Opening(_NODE, NetworkRole.CLUSTER_B, Protocol.ICMP, None, (Peer.NODE,), "ping"),
    Opening(_NODE, NetworkRole.REPLICATION, Protocol.ICMP, None, (Peer.NODE,), "ping"),
    Opening(_NODE, _SERVICE, Protocol.ICMP, None, (Peer.ANYBODY,), "ping"),
    Opening(_MONITOR, _MANAGEMENT, Protocol.TCP, SSH_PORT, _EVERY_MACHINE, "ssh"),
    Opening(_MONITOR, _MANAGEMENT, Protocol.UDP, NTP_PORT, (Peer.NODE,), "time"),
    Opening(_MONITOR, _MANAGEMENT, Protocol.ICMP, None, _EVERY_MACHINE, "ping"),
    Opening(_MONITOR, _SERVICE, Protocol.ICMP, None, (Peer.ANYBODY,), "ping"),
)
"""What every lab has, whatever its definition says."""

DEVICE = Opening(_MONITOR, _MANAGEMENT, Protocol.TCP, QNETD_PORT, (Peer.NODE,), "quorum device")
"""What a lab has whose quorum has a vote from the monitor."""

MONITORING: tuple[Opening, ...] = (
    Opening(_NODE, _MANAGEMENT, Protocol.TCP, ZABBIX_AGENT, (Peer.MONITOR,), "Zabbix agent"),
    Opening(_MONITOR, _MANAGEMENT, Protocol.TCP, ZABBIX_FRONTEND, (Peer.PLATFORM,), "Zabbix pages"),
    Opening(_MONITOR, _MANAGEMENT, Protocol.TCP, ZABBIX_SERVER, (Peer.NODE,), "Zabbix server"),
)
"""What a lab with monitoring has besides."""


LOCKS = tuple(
    Opening(_NODE, network, Protocol.SCTP, DLM_PORT, (Peer.NODE,), "DLM")
    for network in (NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B)
)
"""What a lab has whose nodes use a filesystem at once: their lock manager has an address on each
link, and goes on over either."""


DRBD = "DRBD"
"""What replicated storage opens its ports for."""


def _replication(port: int, purpose: str) -> Opening:
    return Opening(_NODE, NetworkRole.REPLICATION, Protocol.TCP, port, (Peer.NODE,), purpose)


TAKEN_PORTS: dict[int, str] = {
    opening.port: opening.purpose
    for opening in (*FIXED, *MONITORING, _replication(DRBD_PORT, DRBD))
    if opening.role is _NODE and opening.protocol is Protocol.TCP and opening.port is not None
}
"""TCP ports that the nodes need themselves, and for what: no service may take them."""


def openings(
    *,
    services: Mapping[str, tuple[int, Peer]],
    replication: Mapping[int, str],
    locks: bool,
    device: bool,
    monitoring: bool,
    extra: Iterable[Opening] = (),
) -> tuple[Opening, ...]:
    """Return all that is open in a lab: the fixed part, that of its parts, and what it adds.

    `services` are ports, and who may use them, by the service's name; `replication` is for what
    nodes use which port of the replication network; `locks` is whether they share a lock manager.
    """
    return (
        *FIXED,
        *(_replication(port, purpose) for port, purpose in replication.items()),
        *(LOCKS if locks else ()),
        *((DEVICE,) if device else ()),
        *(
            Opening(_NODE, _SERVICE, Protocol.TCP, port, (peer,), f"service {name}")
            for name, (port, peer) in services.items()
        ),
        *(MONITORING if monitoring else ()),
        *extra,
    )

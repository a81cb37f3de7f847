"""Who reaches what in a cloud: a lab's table of open ports as rules of security groups.

A group stands for one role on one network, and each of its network interfaces is in that group
alone. Nothing here knows a provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from labs.model import Lab
from labs.ports import Opening, Peer, Protocol
from labs.roles import CABLED, NETWORKS_OF, MachineRole, NetworkRole
from labs.tables.cloud import block, carrier

ECHO_REQUEST = 8
"""The type of ICMP that stands for a ping (RFC 792); groups have it in the place of a port."""
ANY_CODE = -1

Group = tuple[MachineRole, NetworkRole]

GROUPS: tuple[Group, ...] = tuple(
    (role, network) for role in MachineRole for network in NETWORKS_OF[role] if network in CABLED
)


@dataclass(frozen=True)
class Rule:
    """One thing that a group lets in, from another group or from a network."""

    group: Group
    protocol: Protocol
    first: int
    last: int
    source: Group | IPv4Network
    purpose: str

    @property
    def name(self) -> str:
        """A name that no other rule of the lab has."""
        what = "ping" if self.protocol is Protocol.ICMP else f"{self.protocol}-{self.first}"
        whence = "outside" if isinstance(self.source, IPv4Network) else self.source[0].value
        return f"{group_name(self.group)}-{what}-from-{whence}"


def group_name(group: Group) -> str:
    """Name a group by its role and its network."""
    role, network = group
    return f"{role.value}-{network.value}"


def rules(lab: Lab, openings: tuple[Opening, ...], outside: IPv4Network) -> tuple[Rule, ...]:
    """Return what the lab's groups let in; who manages it comes from `outside`.

    Anybody, in the table of ports, is anybody on that network: nobody beyond the cloud.
    """
    found: dict[str, Rule] = {}
    for opening in openings:
        for rule in _rules(lab, opening, outside):
            # Replication shares its interface with a link, and both are to be pinged.
            found.setdefault(rule.name, rule)
    return tuple(found.values())


def _rules(lab: Lab, opening: Opening, outside: IPv4Network) -> Iterator[Rule]:
    network = carrier(opening.network)
    first, last = (ECHO_REQUEST, ANY_CODE) if opening.port is None else (opening.port,) * 2
    sources: dict[Peer, Group | IPv4Network] = {
        Peer.NODE: (MachineRole.NODE, network),
        Peer.MONITOR: (MachineRole.MONITOR, network),
        Peer.PLATFORM: outside,
        Peer.ANYBODY: block(lab.networks.subnet(network)),
    }
    for peer in opening.peers:
        yield Rule(
            (opening.role, network), opening.protocol, first, last, sources[peer], opening.purpose
        )

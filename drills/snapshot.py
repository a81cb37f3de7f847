"""The lab at one moment, to compare with another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from core.wait import wait_until
from drills.daemons import Daemons, read_daemons
from inventory.model import Inventory
from parts.seen import Seen
from status.collect import Observer
from status.model import LabStatus
from wire.pacemaker import FenceEvent


@dataclass(frozen=True)
class Snapshot:
    """A lab's status, every fencing that its cluster remembers, and each machine's daemons.

    A machine whose daemons could not be read is missing among them.
    """

    status: LabStatus
    fence_events: frozenset[FenceEvent]
    daemons: Mapping[str, Daemons] = field(default_factory=dict)

    def holders(self, service: str) -> dict[IPv4Address, str]:
        """Return at which node clients find a service, by address; none where that is not one."""
        found: dict[IPv4Address, list[str]] = {}
        for held in self.status.addresses:
            if held.service == service:
                found.setdefault(held.address, []).append(held.node)
        return {address: nodes[0] for address, nodes in found.items() if len(nodes) == 1}

    @property
    def boots(self) -> dict[str, str | None]:
        """Boot ids by machine."""
        return {node.name: node.boot_id for node in self.status.nodes}


def snapshot(inventory: Inventory) -> Snapshot:
    """Read the lab as it is now; a busy machine may take a second attempt to answer.

    Raises WaitTimeout when a machine stays silent.
    """
    with Observer(inventory) as observer:
        both = wait_until(
            observer.read_both,
            lambda both: all(node.boot_id for node in both[0].nodes),
            what="all machines to answer",
            timeout=inventory.timing.stop_wait_s,
            describe=lambda both: both[0].summary(),
        )
    return replace(of(*both), daemons=read_daemons(inventory))


def of(status: LabStatus, seen: Seen) -> Snapshot:
    """Return the snapshot that a reading makes."""
    events = seen.cluster.fence_events if seen.cluster else ()
    return Snapshot(status, frozenset(events))

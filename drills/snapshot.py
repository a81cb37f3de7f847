"""The lab at one moment, to compare with another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.wait import wait_until
from drills.daemons import Daemons, read_daemons
from inventory.model import Inventory
from status.collect import Observer
from status.model import LabStatus
from status.pacemaker import FenceEvent
from status.rules import Readings


@dataclass(frozen=True)
class Snapshot:
    """A lab's status, every fencing that its cluster remembers, and each machine's daemons.

    A machine whose daemons could not be read is missing among them.
    """

    status: LabStatus
    fence_events: frozenset[FenceEvent]
    daemons: Mapping[str, Daemons] = field(default_factory=dict)

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


def of(status: LabStatus, readings: Readings) -> Snapshot:
    """Return the snapshot that a reading makes."""
    events = readings.cluster.fence_events if readings.cluster else ()
    return Snapshot(status, frozenset(events))

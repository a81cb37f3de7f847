"""What a drill may lay hands on from outside a machine, whatever the lab's platform is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from drills.cloud_power import CloudPower
from drills.power import Event, Power
from hypervisor.extras import use_extras
from infra.aws_account import Account
from infra.aws_machines import AwsMachines
from inventory.model import Inventory
from inventory.record import CloudRecord, LabRecord, Record
from labs.roles import NetworkRole


class Hand(StrEnum):
    """Something that can be done to a machine from outside."""

    POWER = "power"
    RESET = "reset"
    SUSPEND = "suspend"
    CABLE = "cable"
    DISK = "disk"
    DISK_PACE = "disk-pace"
    WATCHDOG = "watchdog"


ALL = frozenset(Hand)
IN_A_CLOUD = frozenset({Hand.POWER, Hand.DISK})
"""AWS has no reset button, stops no processor, has no watchdog, pulls no cable and slows no disk.

A changed security group does not cut a link either: what is tracked goes on (EC2 user guide,
security group connection tracking), and the links of a cluster are never idle.
"""


def within_reach(inventory: Inventory) -> frozenset[Hand]:
    """Return what can be done to a lab's machines from outside."""
    return ALL if inventory.cloud is None else IN_A_CLOUD


class Watch(Protocol):
    """What happened to machines so far, as whoever runs them saw it."""

    def events(self) -> tuple[Event, ...]:
        """Return everything that has been recorded."""


class Hands(Protocol):
    """Switches, cables and disks of a lab's machines.

    What is not `within_reach` is not asked for: no drill that needs it is offered.
    """

    def is_on(self, machine: str) -> bool:
        """Tell whether the machine has power."""

    def cut(self, machine: str) -> None:
        """Take the power away, at once."""

    def start(self, machine: str) -> None:
        """Give a machine its power back; does nothing when it has it."""

    def reset(self, machine: str) -> None:
        """Press the machine's reset button."""

    def suspend(self, machine: str) -> None:
        """Stop the machine's processors; its memory stays."""

    def resume(self, machine: str) -> None:
        """Let the machine's processors go on; does nothing when they run or have no power."""

    def disk(self, machine: str, name: str) -> str | None:
        """Describe a machine's disk so that it can be plugged in again; None when it is not in."""

    def pull_disk(self, machine: str, disk: str) -> None:
        """Tear a disk, as described, out of a running machine."""

    def plug_disk(self, machine: str, disk: str) -> None:
        """Put a disk, as described, into a running machine."""

    def limit_writes(self, machine: str, name: str, per_second: int) -> None:
        """Let a machine's disk take so many writes a second, or with 0 as many as it can."""

    def set_cable(self, machine: str, network: NetworkRole, *, plugged: bool) -> None:
        """Plug a machine's network cable in or out."""

    def watched(self, log: Path) -> AbstractContextManager[Watch]:
        """Record what happens to machines into `log` until the block ends."""


def _on_libvirt(record: Record, lab: str) -> Hands:
    assert isinstance(record, LabRecord)
    return Power(record)


def _on_aws(record: Record, lab: str) -> Hands:
    assert isinstance(record, CloudRecord)
    return CloudPower(machines_on_aws(record, lab))


def machines_on_aws(record: CloudRecord, lab: str) -> AwsMachines:
    """Return a lab's machines, found by one's credentials; raises HalabError without any.

    Nothing is said meanwhile: programs read what commands print.
    """
    use_extras(lambda _: None)
    return AwsMachines(Account(record.region, record.endpoint), lab, record.mark)


HANDS: Mapping[str, Callable[[Record, str], Hands]] = {"libvirt": _on_libvirt, "aws": _on_aws}
"""By the kind of a lab's platform."""


def hands_of(record: Record, lab: str) -> Hands:
    """Return the hands on a lab's machines; raises HalabError when nobody may have them."""
    return HANDS[record.kind](record, lab)

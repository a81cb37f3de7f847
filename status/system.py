"""What a machine's kernel and init say: addresses, mounts, units; and the fencing disk's slots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

ADDRESSES_COMMAND = "ip -o -4 address show"


ROOM_COMMAND = "stat --file-system --format='%a %S %b %d %c' /"

LOW_PERCENT = 10.0
LOW_MIB = 1024
"""A root filesystem is nearly full when less than this share of it is left, and less than this
many MiB: a large one may be filled further. The monitoring's template has the same numbers."""


@dataclass(frozen=True)
class Room:
    """What is left of a machine's root filesystem: MiB, and per cent of its blocks and inodes."""

    free_mib: float
    blocks_percent: float
    inodes_percent: float

    @property
    def is_low(self) -> bool:
        """Whether somebody has to make room before long."""
        few_blocks = self.blocks_percent < LOW_PERCENT and self.free_mib < LOW_MIB
        return few_blocks or self.inodes_percent < LOW_PERCENT


@dataclass(frozen=True)
class Slot:
    """A node's slot on the fencing disk; `message` is "clear" unless somebody wants it fenced."""

    node: str
    message: str


def parse_addresses(text: str) -> frozenset[IPv4Address]:
    """Read `ip -o -4 address`."""
    found = re.findall(r"^\d+: \S+ +inet (\S+)", text, re.MULTILINE)
    return frozenset(IPv4Interface(address).ip for address in found)


def parse_room(text: str) -> Room | None:
    """Read what ROOM_COMMAND prints; None when it says nothing."""
    words = text.split()
    if len(words) != 5:
        return None
    free, size, blocks, free_inodes, inodes = map(int, words)
    return Room(
        free_mib=free * size / 2**20,
        blocks_percent=100 * free / blocks,
        # A filesystem that makes inodes as it needs them tells none.
        inodes_percent=100 * free_inodes / inodes if inodes else 100.0,
    )


def parse_mounts(text: str) -> dict[str, str]:
    """Read /proc/mounts: device by mount point; the topmost mount wins."""
    rows = (line.split() for line in text.splitlines())
    return {row[1]: row[0] for row in rows if len(row) >= 3}


def parse_units(text: str, units: Sequence[str]) -> dict[str, str]:
    """Read `systemctl is-active UNITS`, which answers one word a line in the order asked."""
    states = text.split()
    return dict(zip(units, states, strict=True)) if len(states) == len(units) else {}


def parse_slots(text: str) -> tuple[Slot, ...]:
    """Read `sbd -d DEVICE list`; nothing when the disk cannot be read or was never initialised."""
    found = re.findall(r"^\d+\t(\S+)\t(\S+)", text, re.MULTILINE)
    return tuple(Slot(node, message) for node, message in found)

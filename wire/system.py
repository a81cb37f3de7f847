"""What a machine's kernel and init say: addresses, mounts, units, and the room that is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface

from wire.record import Record

ADDRESSES_COMMAND = "ip -o -4 address show"
ROOM_COMMAND = "stat --file-system --format='%a %S %b %d %c' /"


class Room(Record):
    """What is left of a machine's root filesystem: MiB, and per cent of its blocks and inodes."""

    free_mib: float
    blocks_percent: float
    inodes_percent: float


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

"""What a machine's kernel and init say: addresses, mounts, units; and the fencing disk's slots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

ADDRESSES_COMMAND = "ip -o -4 address show"


@dataclass(frozen=True)
class Slot:
    """A node's slot on the fencing disk; `message` is "clear" unless somebody wants it fenced."""

    node: str
    message: str


def parse_addresses(text: str) -> frozenset[IPv4Address]:
    """Read `ip -o -4 address`."""
    found = re.findall(r"^\d+: \S+ +inet (\S+)", text, re.MULTILINE)
    return frozenset(IPv4Interface(address).ip for address in found)


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

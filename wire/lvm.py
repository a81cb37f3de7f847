"""Volume groups: whom LVM takes for their owner, and which logical volumes the kernel has."""

from __future__ import annotations

from wire.record import Record

OWNERS_COMMAND = "vgs --foreign --noheadings --separator , --options vg_name,vg_systemid"
"""A line with a comma for each volume group, those of other hosts among them."""

MAPPED_COMMAND = "cat /sys/block/dm-*/dm/name"
"""A line for each device of the device mapper. LVM itself tells nothing of a volume whose disk is
gone, and the kernel goes on having it."""


class Volumes(Record):
    """What one node says. `owners` are system IDs by volume group, `active` the kernel's names."""

    owners: dict[str, str]
    active: frozenset[str]


def parse_volumes(text: str) -> Volumes:
    """Read what OWNERS_COMMAND and then MAPPED_COMMAND print, in either order."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = (line.split(",") for line in lines if "," in line)
    return Volumes(
        owners={pair[0]: pair[1] for pair in pairs},
        active=frozenset(line for line in lines if "," not in line),
    )

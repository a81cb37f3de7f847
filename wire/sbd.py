"""The fencing disk's slots, as `sbd list` prints them."""

from __future__ import annotations

from wire.record import Record


class Slot(Record):
    """A node's slot on the fencing disk; `message` is "clear" unless somebody wants it fenced."""

    node: str
    message: str


def parse_slots(text: str) -> tuple[Slot, ...]:
    """Read `sbd -d DEVICE list`; nothing when the disk cannot be read or was never initialised."""
    # A third column names who left the message.
    rows = (line.split("\t") for line in text.splitlines())
    return tuple(Slot(row[1], row[2]) for row in rows if len(row) >= 3 and row[0].isdigit())

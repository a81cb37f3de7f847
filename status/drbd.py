"""The replicated disk as the kernel sees it: text of /proc/drbd (DRBD 8.4) in, frozen type out."""

from __future__ import annotations

import re

from status.model import ReplicationStatus

MINOR = 0
"""The device's minor number: /dev/drbd0."""


def parse_drbd(text: str) -> ReplicationStatus | None:
    """Read our device from /proc/drbd; None when the module or the device is not there."""
    found = re.search(rf"^ *{MINOR}: (.*(?:\n(?! *\d+: ).*)*)", text, re.MULTILINE)
    if found is None:
        return None
    # The resync progress line below has "sync'ed:" and "speed:", which no key here is called.
    fields = dict(re.findall(r"\b(cs|ro|ds|oos):(\S+)", found[1]))
    if "ro" not in fields or "ds" not in fields:
        return None
    disk, _, peer_disk = fields["ds"].partition("/")
    return ReplicationStatus(
        connection=fields["cs"],
        role=fields["ro"].partition("/")[0],
        disk=disk,
        peer_disk=peer_disk,
        out_of_sync=int(fields.get("oos", "0")),
    )

"""Words that mean something already: whoever were called so would lead astray."""

from __future__ import annotations

from enum import StrEnum


class TargetWord(StrEnum):
    """What a person may say instead of a machine's name: who plays that part just now."""

    ACTIVE = "active"
    STANDBY = "standby"
    COORDINATOR = "dc"
    ANY = "any"
    ALL = "all"
    MONITOR = "monitor"


_DRILLS = "drills call whoever plays that part so, and parts move from machine to machine"
_ANSIBLE = "`./halab inventory --ansible` has a group of that name"

TAKEN_NAMES: dict[str, str] = {
    **dict.fromkeys(TargetWord, _DRILLS),
    "localhost": "every machine already calls itself localhost",
    # pcmk__node_attr_target() in Pacemaker's lib/common: whoever runs the command.
    "auto": "Pacemaker's tools take it for the machine they run on",
    "node": _ANSIBLE,
    "ungrouped": _ANSIBLE,
    **dict.fromkeys(("base-node", "base-monitor"), "the disks of guest images are called so"),
}
"""Names that no machine can have, and why. The monitor alone may be called `monitor`.

Whatever else is a keyword of a program stands in quotes where it is written, or apart from names.
"""

TAKEN_SERVICES: dict[str, str] = dict.fromkeys(
    (
        "address",
        "dlm",
        "drbd",
        "export",
        "fencing",
        "filesystem",
        "lvmlockd",
        "monitoring",
        "mount",
        "mounts",
        "replication",
        "service",
        "volume",
    ),
    "something else in every cluster's configuration is called so",
)
"""Names that no service can have, and why: its resource is called like it."""

TAKEN_STORAGE: dict[str, str] = {
    "key": "behind a name that ends with -host it reads as the disk with a machine's host key",
    "root": "the disk that a machine starts from is called so",
    "sbd": "the fencing disk is called so",
}
"""Names that no storage can have, and why: its disks are called like it."""

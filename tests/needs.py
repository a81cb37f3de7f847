"""Which parts a lab has, so that stories about others are left out and named.

`pytest.mark.needs("drbd")` stands at such a story; several words mean all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from parts.all import Parts

WORDS: Mapping[str, Callable[[Parts], bool]] = {
    "storage": lambda parts: bool(parts.storage),
    "drbd": lambda parts: bool(parts.replicas),
    "bystander": lambda parts: any(
        parts.inventory.places(each) != parts.inventory.nodes for each in parts.inventory.services
    ),
    "shared-disk": lambda parts: bool(parts.shared_disks),
    "gfs2": lambda parts: bool(parts.cluster_filesystems),
    "device": lambda parts: parts.inventory.quorum == "device",
    "two-node": lambda parts: parts.quorum.waits_for_all,
    "sbd": lambda parts: parts.inventory.fencing.kind == "sbd",
    "firewall": lambda parts: parts.inventory.firewall.enabled,
    "monitoring": lambda parts: parts.inventory.monitoring is not None,
    "everywhere": lambda parts: parts.first_service.service.everywhere,
    "standby": lambda parts: not parts.first_service.service.everywhere,
    "scalable": lambda parts: (
        not any("nodes.names" in each.settings.settled for each in parts.inventory.services)
    ),
    "odd": lambda parts: len(parts.inventory.nodes) % 2 == 1,
    "ledger": lambda parts: parts.first_service.keeps_writes,
    "process": lambda parts: parts.first_service.process.end_first is not None,
    "nfs": lambda parts: bool(parts.file_servers),
    "nginx": lambda parts: parts.first_service.service.settings.kind == "nginx",
}
"""What a story can need. `bystander`: a node that can never run some service; `standby`: a node at
which clients do not find the first service, where they find it at one alone; `scalable`: nodes may
come and go; `odd`: so many nodes there are; `ledger`: clients can write to the first service;
`process`: it has a first process, and workers."""


def left_out(parts: Parts, items: Iterable[pytest.Item]) -> dict[pytest.Item, str]:
    """Return the stories that are not about this lab, and what it lacks for each.

    Raises UsageError for a word that is none: its story would be left out for ever.
    """
    found: dict[pytest.Item, str] = {}
    for item in items:
        wanted = [str(word) for mark in item.iter_markers("needs") for word in mark.args]
        unknown = [word for word in wanted if word not in WORDS]
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} needs what nobody knows: {', '.join(unknown)}")
        lacking = [word for word in wanted if not WORDS[word](parts)]
        if lacking:
            found[item] = f"needs {', '.join(lacking)}"
    return found

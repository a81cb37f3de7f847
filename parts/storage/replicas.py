"""How replication is: each node's kernel is asked, and who has to make it go on is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from inventory.parts import Storage
from parts.reasons import FOR_EVER, Reason, Remedy
from parts.seen import Seen, exactly_one
from wire.drbd import KERNEL_FILE, Device, parse_devices
from wire.pacemaker import Role

READING = "replication"
COMMAND = f"cat {KERNEL_FILE}"
"""The reading of all storage of a node, and how it is got."""

UP_TO_DATE = "UpToDate"

UNCONNECTED = frozenset({"StandAlone", "Unconnected", "WFConnection"})
"""Replication that has not met its peer."""

NEWER = {"Consistent": "may have newer data", "Outdated": "has newer data"}
"""What the peer has of a disk in such a state: DRBD refuses to promote it."""


def devices(storage: Storage, nodes: Collection[str], seen: Seen) -> dict[str, Device | None]:
    """Return what the kernels of these nodes say of some storage; None where it is not up."""
    found = {}
    for name, node in seen.reached.items():
        if name not in nodes:
            continue
        device = parse_devices(node.told.get(READING, "")).get(storage.number)
        found[name] = device if device and device.is_configured else None
    return found


def named(storage: Storage, word: str = "") -> str:
    """Return what tells some storage from the first in a sentence: its name, behind a word."""
    return f" {word}{storage.name}" if storage.number else ""


def is_redundant(found: Mapping[str, Device | None]) -> bool:
    """Tell whether all disks hold the same."""
    return all(
        disk is not None and disk.disk == disk.peer_disk == UP_TO_DATE for disk in found.values()
    )


def reasons(
    storage: Storage, nodes: tuple[str, ...], seen: Seen, settles_s: float
) -> Iterator[Reason | str]:
    """Return what is not right with the replicas of these nodes.

    What cuts itself off may need `settles_s` to go on by itself.
    """
    found = devices(storage, nodes, seen)
    which, of = named(storage), named(storage, "of ")
    alone = [name for name, disk in found.items() if disk and disk.connection == "StandAlone"]
    for name, disk in found.items():
        if disk is None:
            yield f"the replicated disk{which} is not up on {name}"
            continue
        remedy = _reconnection(storage, name, disk, diverged=len(alone) > 1)
        lasts_s = FOR_EVER if remedy else 0.0
        if disk.connection != "Connected":
            sentence = f"replication{of} on {name} is {disk.connection}, not Connected"
            yield Reason(sentence, remedy, lasts_s, settles_s)
        if disk.disk != UP_TO_DATE:
            sentence = f"the replicated disk{which} on {name} is {disk.disk}, not UpToDate"
            lost = disk.disk == "Diskless"
            gone = Remedy(name, f"drbdadm attach {storage.resource}") if lost else None
            yield Reason(sentence, gone, FOR_EVER if gone else 0.0, settles_s)
        if disk.peer_disk != UP_TO_DATE:
            taken = f"{name} takes its peer's replicated disk{which} for {disk.peer_disk}"
            yield f"{taken}, not UpToDate"
        if disk.out_of_sync:
            sentence = f"{disk.out_of_sync} KiB{of} are out of sync on {name}"
            yield Reason(sentence, remedy if disk.connection == "Connected" else None)
    for sentence in _stale(found, nodes):
        yield f"{sentence}{of}"
    primaries = tuple(name for name, disk in found.items() if disk and disk.role == "Primary")
    yield from exactly_one(f"is DRBD Primary{of}", primaries)
    mounted = (name for name, node in seen.reached.items() if storage.mount_point in node.mounts)
    yield from exactly_one(f"has {storage.mount_point} mounted", tuple(mounted))
    yield from _instances(storage, nodes, seen)


def _instances(storage: Storage, nodes: Collection[str], seen: Seen) -> Iterator[str]:
    """Judge what the cluster thinks of it."""
    if seen.cluster is None:
        return
    instance = storage.instance
    promoted = seen.cluster.running(instance, Role.PROMOTED)
    yield from exactly_one(f"has resource {instance} promoted", promoted)
    running = (*promoted, *seen.cluster.running(instance, Role.UNPROMOTED))
    for name in seen.online:
        if name in nodes and name not in running:
            yield f"resource {instance} is not started on {name}"


def _stale(found: Mapping[str, Device | None], nodes: tuple[str, ...]) -> Iterator[str]:
    """Name whom a node waits for whose data may not be the newest."""
    for name, disk in found.items():
        if disk is None or disk.disk not in NEWER or disk.connection not in UNCONNECTED:
            continue
        others = " and ".join(other for other in nodes if other != name)
        yield f"{name} waits for {others}, which {NEWER[disk.disk]}"


def _reconnection(storage: Storage, node: str, disk: Device, *, diverged: bool) -> Remedy | None:
    """Return what makes DRBD go on where it waits for a person."""
    name = storage.resource
    if disk.connection == "StandAlone" and diverged and disk.role != "Primary":
        return Remedy(
            node,
            f"drbdadm disconnect {name}; drbdadm secondary {name}; "
            f"drbdadm connect --discard-my-data {name}",
            f"gives up what was written on {node} alone",
        )
    if disk.connection == "StandAlone":
        return Remedy(node, f"drbdadm connect {name}")
    if disk.connection.startswith("PausedSync"):
        return Remedy(node, f"drbdadm resume-sync {name}")
    if disk.out_of_sync and disk.connection == "Connected" and disk.role != "Primary":
        # Blocks that a comparison found to differ are copied at the next connection.
        return Remedy(node, f"drbdadm disconnect {name}; drbdadm connect {name}")
    return None

"""The faults that a lab can be put through: those of every lab, and those of its parts."""

from __future__ import annotations

from core.errors import HalabError
from drills.drill import Drill
from drills.entries import arbiters, copies, daemons, machines, networks, people, resources
from drills.entries import exports as of_exports
from drills.entries import services as of_services
from drills.entries import shared as of_shared
from drills.entries import storage as of_storage
from drills.hands import within_reach
from inventory.parts import Storage
from parts.all import Parts


def catalogue(parts: Parts) -> dict[str, Drill]:
    """Return the drills of a lab, by name."""
    return {entry.name: entry for entry in every(parts)}


def every(parts: Parts) -> tuple[Drill, ...]:
    """Return the drills of a lab: whatever its parts can be put through, within reach."""
    hands = within_reach(parts.inventory)
    return tuple(drill for drill in conceivable(parts) if drill.fault.needs <= hands)


def conceivable(parts: Parts) -> tuple[Drill, ...]:
    """Return what a lab's parts could be put through by hands that reach everything."""
    inventory = parts.inventory
    users = {
        part.storage.name: part for part in parts.services.values() if part.storage is not None
    }
    replicas = tuple((part.storage, users[name]) for name, part in parts.replicas.items())
    shared = tuple((part, users[name]) for name, part in parts.shared_disks.items())
    together = tuple((part, users[name]) for name, part in parts.cluster_filesystems.items())
    return (
        *machines.ENTRIES,
        *daemons.ENTRIES,
        *(daemons.SBD if inventory.fencing_disk else ()),
        *(
            drill
            for part in parts.services.values()
            for drill in of_services.entries(part, parts.front_of(part))
        ),
        *(drill for part in parts.file_servers for drill in of_exports.entries(part)),
        *networks.entries(inventory.quorum),
        *(arbiters.DEVICE if inventory.quorum == "device" else ()),
        *(arbiters.DISK if inventory.fencing_disk else ()),
        *(drill for storage, user in replicas for drill in of_storage.entries(storage, user)),
        *(drill for disk, user in shared for drill in of_shared.entries(disk, user)),
        *(
            drill
            for each, user in together
            for drill in of_shared.together(each, user.service.name)
        ),
        *of_storage.ROOT,
        *resources.ENTRIES,
        *(
            drill
            for storage, user in replicas
            for drill in _copies(parts, storage, user.service.name)
        ),
        *people.entries(parts),
        *(people.together(parts) if parts.quorum.waits_for_all else ()),
    )


def _copies(parts: Parts, storage: Storage, user: str) -> tuple[Drill, ...]:
    # Who is away is fenced by the one that comes first. Over a disk it hears of it when it comes
    # back; AWS starts it, and nobody is away any more.
    by_disk = parts.inventory.fencing_disk is not None
    alone = copies.alone(parts, storage, user) if parts.quorum.serves_alone and by_disk else ()
    return (*copies.entries(storage, user), *alone)


def find(name: str, parts: Parts) -> Drill:
    """Return a lab's drill by name; raises HalabError for one that it does not have."""
    known = catalogue(parts)
    try:
        return known[name]
    except KeyError as error:
        lab = parts.inventory.lab
        raise HalabError(
            f"lab {lab!r} has no fault that is called {name!r}",
            hint=f"`./halab drills {lab}` tells about them: {', '.join(known)}",
        ) from error

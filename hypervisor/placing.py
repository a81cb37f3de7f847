"""Where a lab stands: what follows from its definition, and what is left of it there."""

from __future__ import annotations

from pathlib import Path

from core.errors import CommandError, HalabError
from core.folders import LabFolder
from core.saying import Say
from hypervisor.objects import Virsh, find, owned, remove_orphans, volumes
from hypervisor.private import PrivateHypervisor
from hypervisor.taken import is_this_machine, looking
from inventory.mark import mark_of, volume_name
from inventory.place import Place
from labs.addressing import MAC_NETWORKS, machines
from labs.model import Lab
from labs.tables.libvirt import Libvirt

LIBVIRT_IMAGES = Path("/var/lib/libvirt/images")
"""Where a system libvirt daemon may read disks; its user cannot enter a home."""


def libvirt_of(lab: Lab) -> Libvirt:
    """Return the libvirt that carries a lab; asked only of labs that one carries."""
    assert isinstance(lab.platform, Libvirt)
    return lab.platform


def place_of(lab: Lab, folder: LabFolder) -> Place:
    """Return where a lab stands, or would: the same for the same definition and folder."""
    shared, mark = libvirt_of(lab).uri, mark_of(folder)
    prefix = "" if shared is None else folder.prefix
    return Place(
        uri=PrivateHypervisor(folder).uri if shared is None else shared,
        private=shared is None,
        mark=mark,
        prefix=prefix,
        pool=folder.pool
        if shared is None
        else LIBVIRT_IMAGES / f"halab-{volume_name(mark, lab.name)}",
        domains=Place.named((plan.name for plan in machines(lab)), prefix),
    )


def has_anything(virsh: Virsh, place: Place) -> bool:
    """Tell whether anything there bears the lab's mark; raises CommandError."""
    return any(owned(virsh, kind, place.mark) for kind in ("domain", "network", "pool"))


def remove(virsh: Virsh, place: Place, report: Say) -> None:
    """Remove everything there that bears the lab's mark, and look whether it is gone.

    Raises HalabError, with the names and the commands that look for them, when libvirt does not
    answer or something of the lab, or by its names, is still there.
    """
    try:
        for kind, name in remove_orphans(virsh, place.mark, ()):
            report(f"removing the {kind} {name}")
        left = leftovers(virsh, place)
    except CommandError as error:
        raise HalabError(
            f"{place.platform} does not answer: what the lab has there could not be removed",
            detail=f"{error}\n{names(place)}",
            hint=f"try again when it answers; to look by hand: {looking(place.uri)}",
        ) from error
    if left:
        raise HalabError(
            f"not all of the lab is removed from {place.platform}",
            detail="\n".join(left),
            hint=f"remove these, or rename what is somebody else's, and run the command again; "
            f"to look by hand: {looking(place.uri)}",
        )


def leftovers(virsh: Virsh, place: Place) -> list[str]:
    """Return a sentence for everything there that is the lab's, or has one of its names."""
    wanted = {
        "domain": set(place.domains.values()),
        "network": {place.network(role) for role in MAC_NETWORKS},
        "pool": {place.pool_name},
    }
    found = []
    for kind, own_names in wanted.items():
        for one in find(virsh, kind):
            if one.bears(place.mark):
                inside = volumes(virsh, one) if kind == "pool" else []
                holds = f"; in it: {', '.join(inside)}" if inside else ""
                found.append(f"{kind} {one.name} ({one.uuid}) is still there{holds}")
            elif one.name in own_names:
                found.append(
                    f"{kind} {one.name} ({one.uuid}) has a name of this lab and not its mark: "
                    "halab leaves it alone"
                )
    if is_this_machine(place.uri) and place.pool.exists():
        found.append(f"folder {place.pool} is still there: files that halab did not make are in it")
    return found


def names(place: Place) -> str:
    """Return a sentence with the names that the lab's objects have in libvirt."""
    networks = [place.network(role) for role in MAC_NETWORKS]
    return (
        f"domains: {', '.join(place.domains.values())}; networks: {', '.join(networks)}; "
        f"pool: {place.pool_name}"
    )

"""What this machine must have for a lab, or for what a lab is about to take besides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from core.sizes import MIB_PER_GIB
from hypervisor.doctor import Needs
from hypervisor.image import Recipe, recipe_of
from labs.addressing import MachinePlan, machines
from labs.instances import MIN_IO2_GIB, gib
from labs.model import Lab
from labs.roles import MachineRole
from labs.tables.aws import Aws
from rehearsal import image
from rehearsal.domains import CPUS, MEMORY_MIB

OVERHEAD_MIB = 150
"""What QEMU and libvirt need for each guest besides its memory, measured in emulation."""

DISK_MIB = 3072
"""What a lab's disks usually take besides data, for the check before anything is made; what is
missing of images is reckoned where they are kept (`Needs.images`)."""


def needs_of(lab: Lab) -> Needs:
    """Return what this machine must have for the lab: memory and disk in MiB, cores.

    A lab on AWS needs nothing of it, but for a rehearsal, whose instances are guests here.
    """
    guests, images = guests_of(lab), _images(lab)
    # A rehearsal has a copy of its image, and each of its machines its own of all software.
    copies = 1 if isinstance(lab.platform, Aws) else 0
    usual = DISK_MIB * (1 + copies) if guests else 0
    return Needs(
        memory_mib=sum(map(_memory, guests)),
        disk_mib=usual + _disks(lab),
        cores=sum(guest.cpus for guest in guests),
        images=images,
    )


def needs_of_change(before: Lab, after: Lab, running: Collection[str]) -> Needs | None:
    """Return what a lab that exists takes more, None when that is nothing.

    `running` are the machines that hold their memory already.
    """
    guests = guests_of(after)
    held = {guest.name: guest for guest in guests_of(before)}
    memory = sum(map(_memory, guests))
    memory -= sum(_memory(held[name]) for name in running if name in held)
    disk = _disks(after) - _disks(before)
    if memory <= 0 and disk <= 0:
        return None
    return Needs(
        memory_mib=max(0, memory),
        disk_mib=max(0, disk),
        cores=sum(guest.cpus for guest in guests),
        # It has its own, whatever a newer halab would make.
        images=(),
        more=True,
    )


def guests_of(lab: Lab) -> tuple[MachinePlan, ...]:
    """Return the machines that are guests of this machine, with what they have here."""
    plans = machines(lab)
    if not isinstance(lab.platform, Aws):
        return plans
    if not lab.platform.rehearsed:
        return ()
    return tuple(replace(plan, cpus=CPUS, memory_mib=MEMORY_MIB) for plan in plans)


def _images(lab: Lab) -> tuple[Recipe, ...]:
    if not isinstance(lab.platform, Aws):
        return tuple(recipe_of(role, lab.kernel(role)) for role in MachineRole)
    return (image.recipe(),) if lab.platform.rehearsed else ()


def _memory(guest: MachinePlan) -> int:
    return guest.memory_mib + OVERHEAD_MIB


def _disks(lab: Lab) -> int:
    """Return what disks for data may come to hold, in MiB, and snapshots where there are any."""
    guests = guests_of(lab)
    own = [size for guest in guests for size in guest.data_disks.values()]
    shared = [each.size_mib for each in lab.storage if not each.replicated]
    if isinstance(lab.platform, Aws):
        # Volumes have whole GiB.
        volumes = [*map(gib, own), *(gib(size, MIN_IO2_GIB) for size in shared if guests)]
        return sum(volumes) * MIB_PER_GIB
    # A machine's snapshot for `reset` may come to hold all of its memory.
    return sum((*own, *shared, *(guest.memory_mib for guest in guests)))

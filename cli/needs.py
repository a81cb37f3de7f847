"""What this machine must have for a lab, or for what a lab is about to take besides."""

from __future__ import annotations

from collections.abc import Collection

from hypervisor.doctor import Needs
from hypervisor.image import cached_image
from labs.addressing import MachinePlan, machines
from labs.model import Lab
from labs.roles import MachineRole

OVERHEAD_MIB = 150
"""What QEMU and libvirt need for each guest besides its memory, measured in emulation."""

DISK_MIB = 3072
"""What a lab's disks and a guest image usually take, for the check before anything is made."""


def needs_of(lab: Lab) -> Needs:
    """Return what this machine must have for the lab: memory and disk in MiB, cores."""
    plans = machines(lab)
    missing = sum(cached_image(role, lab.kernel(role)) is None for role in MachineRole)
    return Needs(
        memory_mib=sum(map(_memory, plans)),
        disk_mib=DISK_MIB * (1 + missing) + _disks(lab),
        cores=sum(plan.cpus for plan in plans),
    )


def needs_of_change(before: Lab, after: Lab, running: Collection[str]) -> Needs | None:
    """Return what a lab that exists takes more, None when that is nothing.

    `running` are the machines that hold their memory already.
    """
    plans = machines(after)
    held = {plan.name: plan for plan in machines(before)}
    memory = sum(map(_memory, plans)) - sum(_memory(held[name]) for name in running if name in held)
    disk = _disks(after) - _disks(before)
    if memory <= 0 and disk <= 0:
        return None
    return Needs(
        memory_mib=max(0, memory),
        disk_mib=max(0, disk),
        cores=sum(plan.cpus for plan in plans),
        more=True,
    )


def _memory(plan: MachinePlan) -> int:
    return plan.memory_mib + OVERHEAD_MIB


def _disks(lab: Lab) -> int:
    shared = sum(each.size_mib for each in lab.storage if not each.replicated)
    return shared + sum(map(_disk, machines(lab)))


def _disk(plan: MachinePlan) -> int:
    # Its snapshot for `reset` may come to hold all of the machine's memory.
    return sum(plan.data_disks.values()) + plan.memory_mib

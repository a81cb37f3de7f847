"""Which of Debian's kernels a machine runs with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from labs.roles import MachineRole
from labs.tables.storage import AnyStorage


class Kernel(StrEnum):
    """A kernel of Debian's, as guest images have it.

    The cloud kernel has a quarter of the other's modules, in a third of its package; none of them
    is a filesystem of several machines, or the lock manager of one (linux-image-cloud-amd64 6.12).
    """

    CLOUD = "cloud"
    FULL = "full"


def kernel_of(role: MachineRole, storage: Iterable[AnyStorage]) -> Kernel:
    """Return the kernel of a lab's machines of this role: the smallest with what they need."""
    needs = any(each.needs_full_kernel for each in storage)
    return Kernel.FULL if needs and role is MachineRole.NODE else Kernel.CLOUD

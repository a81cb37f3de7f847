"""The nodes' replicated disks as libvirt sees them: how large they are, and larger."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import HalabError
from core.sizes import MIB
from hypervisor.objects import Virsh


@dataclass(frozen=True)
class _Disk:
    """Where a machine has a disk, and the volume that it is."""

    target: str
    volume: str


def data_disk_mib(virsh: Virsh, pool: str, domain: str, storage: str) -> int | None:
    """Return the size of a machine's disk for some storage in MiB; None for one without.

    `pool` is the name of the pool that has it. The machine may be off: libvirt knows volumes then,
    and not what a machine would make of them.
    """
    disk = _disk(virsh, domain, storage)
    if disk is None:
        return None
    printed = virsh("vol-info", "--bytes", "--pool", pool, disk.volume)
    found = re.search(r"^Capacity:\s+(\d+)", printed, re.MULTILINE)
    if found is None:
        raise HalabError(f"the size of disk {disk.volume} is not known", detail=printed)
    return int(found[1]) // MIB


def grow_data_disk(virsh: Virsh, pool: str, domain: str, storage: str, size_mib: int) -> bool:
    """Make a running machine's disk for some storage larger; return whether it was not so large.

    The machine sees it at once. Raises CommandError, for instance when the machine is off.
    """
    disk = _disk(virsh, domain, storage)
    present = data_disk_mib(virsh, pool, domain, storage)
    if disk is None or present is None or present >= size_mib:
        return False
    virsh("blockresize", domain, disk.target, f"{size_mib}MiB")
    return True


def _disk(virsh: Virsh, domain: str, storage: str) -> _Disk | None:
    # The volume that infra.libvirt makes for it.
    volume = re.compile(rf"^(?P<target>\S+)\s+(?P<volume>\S*-{re.escape(storage)}\.qcow2)$")
    lines = virsh("domblklist", domain).splitlines()
    found = (volume.match(line.strip()) for line in lines)
    return next((_Disk(match["target"], match["volume"]) for match in found if match), None)

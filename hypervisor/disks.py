"""The nodes' replicated disks as libvirt sees them: how large they are, and larger."""

from __future__ import annotations

import re

from core.errors import HalabError
from hypervisor.objects import Virsh

MIB = 1024 * 1024

DATA = re.compile(r"^(?P<target>\S+)\s+\S*-data\.qcow2$")
"""A line of `virsh domblklist` with the volume that infra.libvirt makes for a node's data."""


def data_disk_mib(virsh: Virsh, domain: str) -> int | None:
    """Return the size of a machine's replicated disk in MiB; None for a machine without."""
    target = _target(virsh, domain)
    if target is None:
        return None
    printed = virsh("domblkinfo", domain, target)
    found = re.search(r"^Capacity:\s+(\d+)", printed, re.MULTILINE)
    if found is None:
        raise HalabError(f"the size of disk {target} of {domain} is not known", detail=printed)
    return int(found[1]) // MIB


def grow_data_disk(virsh: Virsh, domain: str, size_mib: int) -> bool:
    """Make a running machine's replicated disk larger, unless it is; return whether it was not.

    The machine sees it at once. Raises CommandError, for instance when the machine is off.
    """
    target, present = _target(virsh, domain), data_disk_mib(virsh, domain)
    if target is None or present is None or present >= size_mib:
        return False
    virsh("blockresize", domain, target, f"{size_mib}MiB")
    return True


def _target(virsh: Virsh, domain: str) -> str | None:
    lines = virsh("domblklist", domain).splitlines()
    found = (DATA.match(line.strip()) for line in lines)
    return next((match["target"] for match in found if match), None)

"""The nodes' replicated disks as libvirt sees them: how large they are, and larger."""

from __future__ import annotations

import re

from core.errors import HalabError
from core.sizes import MIB
from hypervisor.objects import Virsh


def data_disk_mib(virsh: Virsh, domain: str, storage: str) -> int | None:
    """Return the size of a machine's disk for some storage in MiB; None for one without."""
    target = _target(virsh, domain, storage)
    if target is None:
        return None
    printed = virsh("domblkinfo", domain, target)
    found = re.search(r"^Capacity:\s+(\d+)", printed, re.MULTILINE)
    if found is None:
        raise HalabError(f"the size of disk {target} of {domain} is not known", detail=printed)
    return int(found[1]) // MIB


def grow_data_disk(virsh: Virsh, domain: str, storage: str, size_mib: int) -> bool:
    """Make a running machine's disk for some storage larger; return whether it was not so large.

    The machine sees it at once. Raises CommandError, for instance when the machine is off.
    """
    target = _target(virsh, domain, storage)
    present = data_disk_mib(virsh, domain, storage)
    if target is None or present is None or present >= size_mib:
        return False
    virsh("blockresize", domain, target, f"{size_mib}MiB")
    return True


def _target(virsh: Virsh, domain: str, storage: str) -> str | None:
    # The volume that infra.libvirt makes for it.
    volume = re.compile(rf"^(?P<target>\S+)\s+\S*-{re.escape(storage)}\.qcow2$")
    lines = virsh("domblklist", domain).splitlines()
    found = (volume.match(line.strip()) for line in lines)
    return next((match["target"] for match in found if match), None)

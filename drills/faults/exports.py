"""Faults of a file server: it serves, and what clients need besides is gone."""

from __future__ import annotations

from drills.faults.base import Fault, commands, logged
from drills.faults.processes import ended
from parts.services.nfs import MOUNT_UNIT, RECORDS_UNIT, Nfs
from wire.nfs import DAEMONS


def removed(part: Nfs) -> Fault:
    """Take back what is exported, as a person does who corrects /etc/exports and reads it anew."""
    return ended(f"exportfs -u {part.client}:{part.folder}", part.service.export)


def daemons_killed() -> Fault:
    """Kill the daemons beside the kernel's threads: systemd starts one again, and not the other."""
    killed = logged(f"--unit {RECORDS_UNIT}")
    return commands(
        f"kill -9 $(pidof {' '.join(DAEMONS)})",
        f"systemctl start {MOUNT_UNIT}",
        "! pidof rpc.mountd && pidof nfsdcld >/dev/null && "
        f"{killed} | grep 'code=killed' | tail -n 1",
    )

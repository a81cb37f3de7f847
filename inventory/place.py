"""Where a lab stands in libvirt, and what its objects are called there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from inventory.frozen import Frozen
from labs.roles import INTERFACE_NAMES, NetworkRole


class Place(Frozen):
    """A lab's place in a libvirt.

    `uri` is the libvirt connection; `private` whether halab's own hypervisor stands behind it;
    `mark` tells the lab's objects from everybody else's; `prefix` stands before their names where
    they share a daemon with others; `pool` is the folder for disks.
    """

    uri: str
    private: bool
    mark: str
    prefix: str
    pool: Path
    domains: dict[str, str]
    """Libvirt domain names by machine name."""

    @staticmethod
    def named(machines: Iterable[str], prefix: str) -> dict[str, str]:
        """Return what the domains of these machines are called."""
        return {name: f"{prefix}{name}" for name in machines}

    @property
    def platform(self) -> str:
        """The platform's name as `status` and `list` show it."""
        return "libvirt (private)" if self.private else f"libvirt ({self.uri})"

    @property
    def pool_name(self) -> str:
        """Libvirt's name for the pool of the lab's disks."""
        return f"{self.prefix}pool"

    def network(self, role: NetworkRole) -> str:
        """Return libvirt's name for one of the lab's networks."""
        return f"{self.prefix}{INTERFACE_NAMES[role]}"

    def bridge(self, role: NetworkRole) -> str:
        """Name a bridge within the kernel's 15 characters, one's own on a shared daemon."""
        short = INTERFACE_NAMES[role]
        if self.private:
            return f"br-{short}"
        return f"h{hashlib.sha256(self.prefix.encode()).hexdigest()[:8]}-{short}"

"""Objects inside a libvirt daemon, through virsh: what is there, what is left over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.command import run
from core.environment import libvirt_access


@dataclass(frozen=True)
class Virsh:
    """A libvirt connection by URI."""

    uri: str

    def __call__(self, *words: str, check: bool = True, timeout: float = 60) -> str:
        """Run one virsh command and return its output; raises CommandError."""
        return run(
            ["virsh", "-q", "-c", self.uri, *words],
            check=check,
            timeout=timeout,
            env=libvirt_access(self.uri),
        ).stdout

    def names(self, kind: str) -> list[str]:
        """Return the names of all objects of a kind: domain, network or pool."""
        command = {"domain": "list", "network": "net-list", "pool": "pool-list"}[kind]
        return [line.strip() for line in self(command, "--all", "--name").splitlines() if line]

    def volumes(self, pool: str) -> list[str]:
        """Return the names of the volumes in a pool."""
        self("pool-refresh", pool, check=False)
        listed = self("vol-list", pool, check=False)
        return [line.split()[0] for line in listed.splitlines() if line.strip()]


def start_stopped(virsh: Virsh, domains: Collection[str]) -> list[str]:
    """Start those of the lab's domains and networks that exist and are off; return the domains.

    All start before this returns: nodes that start alone fence the others.
    """
    start_surroundings(virsh)
    running = set(virsh("list", "--name").split())
    stopped = [name for name in virsh.names("domain") if name in domains and name not in running]
    for name in stopped:
        virsh("start", name)
    return stopped


def start_surroundings(virsh: Virsh) -> None:
    """Start all networks and pools that exist and are off."""
    for network in virsh.names("network"):
        virsh("net-start", network, check=False)
    for pool in virsh.names("pool"):
        virsh("pool-start", pool, check=False)


def remove_orphans(
    virsh: Virsh, prefix: str, managed: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Remove objects whose name begins with `prefix` and that no state knows; return them.

    A run that was killed between making an object and noting it leaves such objects behind, and
    so does a domain whose first start failed.
    """
    removed = []
    for domain in virsh.names("domain"):
        if domain.startswith(prefix) and ("domain", domain) not in managed:
            virsh("destroy", domain, check=False)
            virsh("undefine", domain, "--nvram")
            removed.append(("domain", domain))
    for network in virsh.names("network"):
        ours = network.startswith(prefix) and (prefix or network != "default")
        if ours and ("network", network) not in managed:
            virsh("net-destroy", network, check=False)
            virsh("net-undefine", network)
            removed.append(("network", network))
    for pool in virsh.names("pool"):
        if not pool.startswith(f"{prefix}pool"):
            continue
        virsh("pool-start", pool, check=False)
        for volume in virsh.volumes(pool):
            if ("volume", volume) not in managed:
                virsh("vol-delete", volume, "--pool", pool)
                removed.append(("volume", volume))
        if ("pool", pool) not in managed:
            virsh("pool-destroy", pool, check=False)
            virsh("pool-undefine", pool)
            removed.append(("pool", pool))
    return removed

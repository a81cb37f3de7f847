"""Objects inside a libvirt daemon, through virsh: what is there, and which of it is one lab's own.

Only an object that carries a lab's mark is the lab's; its name says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree

from core.command import run
from core.environment import libvirt_access
from inventory.mark import is_own_volume, mark_in, pool_uuid


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


class Words(NamedTuple):
    """How virsh words its commands for one kind of object."""

    list: str
    describe: str
    start: str


KINDS = {
    "domain": Words("list", "dumpxml", "start"),
    "network": Words("net-list", "net-dumpxml", "net-start"),
    "pool": Words("pool-list", "pool-dumpxml", "pool-start"),
}


@dataclass(frozen=True)
class Found:
    """An object in a libvirt daemon. `description` is its XML as libvirt has it."""

    kind: str
    name: str
    uuid: str
    description: ElementTree.Element

    def bears(self, mark: str) -> bool:
        """Tell whether this is an object of the lab with that mark."""
        if self.kind == "pool":
            return self.uuid == pool_uuid(mark)
        return mark_in(self.description) == mark


def find(virsh: Virsh, kind: str) -> list[Found]:
    """Return all objects of a kind: domain, network or pool.

    Raises CommandError when libvirt does not answer: an empty list means that nothing is there.
    """
    words = KINDS[kind]
    listed = virsh(words.list, "--all", "--uuid").split()
    if not listed:
        return []
    # One connection for all of them. What vanished since it was listed is no failure ...
    text = virsh("; ".join(f"{words.describe} {uuid}" for uuid in listed), check=False)
    described = {
        one.findtext("uuid", ""): one for one in ElementTree.fromstring(f"<all>{text}</all>")
    }
    missing = set(listed) - set(described)
    # ... but what is there and cannot be described must not pass for absent.
    for uuid in missing and missing & set(virsh(words.list, "--all", "--uuid").split()):
        described[uuid] = ElementTree.fromstring(virsh(words.describe, uuid))
    return [
        Found(kind, one.findtext("name", ""), uuid, one) for uuid, one in sorted(described.items())
    ]


def owned(virsh: Virsh, kind: str, mark: str) -> list[Found]:
    """Return the objects of a kind that bear a lab's mark; raises CommandError."""
    return [one for one in find(virsh, kind) if one.bears(mark)]


def running_domains(virsh: Virsh, mark: str) -> list[str]:
    """Return the names of the lab's domains that have power; raises CommandError."""
    active = virsh("list", "--uuid").split()
    return [one.name for one in owned(virsh, "domain", mark) if one.uuid in active]


def start_stopped(virsh: Virsh, mark: str, wanted: Collection[str]) -> list[str]:
    """Start what is off of the lab's networks, pools and `wanted` domains; return the domains.

    A node that leaves would join again with what it knows. All others start before this returns:
    nodes that start alone fence the others.
    """
    start_surroundings(virsh, mark)
    active = virsh("list", "--uuid").split()
    stopped = [
        one for one in owned(virsh, "domain", mark) if one.name in wanted and one.uuid not in active
    ]
    for domain in stopped:
        virsh("start", domain.uuid)
    return [domain.name for domain in stopped]


def start_surroundings(virsh: Virsh, mark: str) -> None:
    """Start the lab's networks and pools that are off."""
    for kind in ("network", "pool"):
        for one in owned(virsh, kind, mark):
            virsh(KINDS[kind].start, one.uuid, check=False)


def remove_orphans(
    virsh: Virsh, mark: str, managed: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Remove the lab's objects that `managed`, pairs of kind and name, does not list; return them.

    A run that was killed between making an object and noting it leaves such objects behind, and
    so does a domain whose first start failed. Raises CommandError when libvirt does not answer.
    """
    removed = []
    for domain in owned(virsh, "domain", mark):
        if ("domain", domain.name) not in managed:
            virsh("destroy", domain.uuid, check=False)
            virsh("undefine", domain.uuid, *UNDEFINE, check=False)
            removed.append(("domain", domain.name))
    for network in owned(virsh, "network", mark):
        if ("network", network.name) not in managed:
            virsh("net-destroy", network.uuid, check=False)
            virsh("net-undefine", network.uuid, check=False)
            removed.append(("network", network.name))
    for pool in owned(virsh, "pool", mark):
        virsh("pool-start", pool.uuid, check=False)
        for volume in volumes(virsh, pool):
            if is_own_volume(mark, volume) and ("volume", volume) not in managed:
                virsh("vol-delete", "--pool", pool.uuid, volume, check=False)
                removed.append(("volume", volume))
        # Somebody may have put a disk of his into it.
        if ("pool", pool.name) not in managed and not volumes(virsh, pool):
            virsh("pool-destroy", pool.uuid, check=False)
            virsh("pool-delete", pool.uuid, check=False)
            virsh("pool-undefine", pool.uuid, check=False)
            removed.append(("pool", pool.name))
    return removed


UNDEFINE = ("--nvram", "--managed-save", "--snapshots-metadata", "--checkpoints-metadata")
"""What may belong to a domain and would otherwise keep it from being undefined (virsh(1))."""


def volumes(virsh: Virsh, pool: Found) -> list[str]:
    """Return the names of the volumes in a pool; none when it cannot be started."""
    virsh("pool-refresh", pool.uuid, check=False)
    listed = virsh("vol-list", pool.uuid, check=False).splitlines()
    # Columns: name, path. A name may hold blanks, the path ends with it.
    folder = pool.description.findtext("target/path", "")
    return [line.rpartition(f" {folder}/")[2].strip() for line in listed if line.strip()]

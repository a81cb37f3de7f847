"""Replication with the kernel's DRBD 8.4, and the filesystem on it where it is promoted."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from inventory.model import Machine
from labs.durations import PromotableOperations
from labs.roles import NetworkRole
from parts.base import Found
from parts.cluster import (
    Clone,
    Primitive,
    Resource,
    Values,
    every,
    promotable_operations,
)
from parts.constraints import Colocation, Constraint, Order
from parts.facts import Facts
from parts.host import NOTES, PROGRAMS, Edit, Entry, File, Folder, Step, program, render
from parts.reasons import Reason
from parts.secrets import Secrets
from parts.seen import Seen
from parts.storage import replicas
from parts.storage.base import StoragePart
from parts.watched import Column, Place, Watched, watched
from wire.drbd import Device
from wire.pacemaker import Role

MODULE = "/etc/modules-load.d/halab-drbd.conf"
UNIT = "drbd.service"

STOCK_HANDLER = "/usr/lib/drbd/crm-fence-peer.sh"
FENCE_HANDLER = f"{PROGRAMS}/crm-fence-peer.sh"
UNFENCE_HANDLER = f"{PROGRAMS}/crm-unfence-peer.sh"

HANDLER_RULE = "drbd-fence-by-handler"
"""Begins the ids of constraints by which DRBD's fence handler keeps stale data from promotion."""

PROMOTION_SCORES = "0 10 10000 10000"
"""What a node's data count for a promotion: only consistent; good at the peer alone; good while the
peer is unknown; good.

Good data count the same whether the peer is known or not: with the agent's 1000 for "unknown", who
takes over is demoted again when the failed node is quickly back. Data that missed writes are
outdated by the fence handler and score less. Data that are only consistent score nothing, as with
the agent's own values: DRBD refuses them while the peer is away, and they are good again as soon as
both have met.
"""


FILESYSTEM_REST_KIB = 2048
"""What ext4 may leave at the end of a device: too little for another group of blocks."""

CORRECTION = (
    Edit(
        before="\n\t# if it is not enabled, no point in waiting for it.\n",
        after="""
\t# Corrected by halab: these two are points in time since Pacemaker 2.1.7; 0 means "not".
\t[[ $in_ccm =~ ^[0-9]+$ ]] && { (( in_ccm )) && in_ccm=true || in_ccm=false; }
\t[[ $crmd =~ ^[0-9]+$ ]] && { (( crmd )) && crmd=online || crmd=offline; }

\t# if it is not enabled, no point in waiting for it.
""",
    ),
    Edit(
        before='\t[[ $crmd = "banned" ]] && will_fence=true\n',
        after='\t[[ $join = "banned" ]] && will_fence=true # corrected by halab: was $crmd\n',
    ),
)
"""What drbd-utils before 9.28 misunderstands in Pacemaker 3's node states.

Without it the handler waits its whole timeout for a peer whose fate is known, and a promotion that
waits for the handler fails.
"""


@dataclass(frozen=True)
class Sizes:
    """In KiB: of a node's disk, of the replicated device on it and of the filesystem on that."""

    disk_kib: int
    device_kib: int
    filesystem_kib: int


class Drbd(StoragePart):
    """One replicated filesystem."""

    kind = "drbd"
    # The agent uses procps and psmisc.
    node_packages = ("drbd-utils", "e2fsprogs", "kmod", "procps", "psmisc", "resource-agents")
    left_alone = (UNIT,)

    @property
    def configuration(self) -> str:
        """Where DRBD reads about this storage."""
        return f"/etc/drbd.d/{self.storage.resource}.res"

    @property
    def note(self) -> str:
        """Name of the note that a filesystem was made."""
        return self.storage.clone

    @property
    def device(self) -> str:
        """The replicated device, where it is promoted."""
        return self.storage.device

    @property
    def holder(self) -> tuple[str, Role]:
        """DRBD lets a device be written where it is promoted."""
        return self.storage.instance, Role.PROMOTED

    @property
    def minor(self) -> str:
        """The device's minor number: /dev/drbd0 has 0."""
        return str(self.storage.number)

    def looks(self, machine: Machine) -> dict[str, str]:
        """Ask for the device's line in /proc/drbd, and for sizes where it is primary."""
        if not self.is_carrier(machine):
            return {}
        line, device = f"^ *{self.minor}: ", self.storage.device
        sizes = (
            f"if grep -q '{line}.* ro:Primary/' /proc/drbd 2>/dev/null; then\n"
            f'echo "disk $(blockdev --getsize64 {shlex.quote(self.storage.disk)})"\n'
            # In sectors of 512 bytes, whatever the disk's own are.
            f'echo "device $(cat /sys/block/{device.removeprefix("/dev/")}/size)"\n'
            # From s_blocks_count_lo to s_log_block_size in the superblock of ext4.
            f'echo "filesystem $(od -An -tu4 -j1028 -N24 {device} | tr "\\n" " ")"\n'
            "fi"
        )
        return {
            self._look("replication"): f"grep '{line}' /proc/drbd 2>/dev/null || :",
            self._look("sizes"): sizes,
        }

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe DRBD's configuration, the corrected handlers and the place for the filesystem.

        The handlers are copies under the names that they look at to know what they are for; an
        upgrade of the package does not undo the correction. The mount point is there on both nodes,
        because whoever takes over may have no room left for it.
        """
        if not self.is_carrier(machine):
            return ()
        resource = render(
            "drbd.res.j2",
            timing=self.timing,
            resource=self.storage.resource,
            device=self.storage.device,
            port=self.storage.port,
            disk=self.storage.disk,
            secret=secrets.drbd_secret,
            fence_handler=FENCE_HANDLER,
            unfence_handler=UNFENCE_HANDLER,
            nodes=[
                {
                    "name": node.name,
                    "address": node.interfaces[NetworkRole.REPLICATION].address.ip,
                }
                for node in self.inventory.carriers(self.storage)
            ],
        )
        return (
            File(MODULE, render("drbd-module.conf.j2")),
            File(self.configuration, resource, mode=0o600),
            File(FENCE_HANDLER, "", mode=0o755, source=STOCK_HANDLER, edits=CORRECTION),
            File(UNFENCE_HANDLER, "", mode=0o755, source=STOCK_HANDLER, edits=CORRECTION),
            Folder(self.storage.mount_point),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Bring replication up for the first time, or make it take over what has changed."""
        if not self.is_carrier(machine):
            return ()
        facts = found[machine]
        steps = [*self._attach(found, facts, written), *check_handler(written)]
        return (*steps, *self._adjust(facts, written), *self._grow(facts))

    def prepare_data(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Declare both empty disks equal and make the filesystem; on one of the two nodes only.

        Both must have attached. Pacemaker finds DRBD running then, which saves it a start.
        """
        if not self.is_first_carrier(machine) or self._is_made(found):
            return ()
        words = (
            self.storage.resource,
            self.minor,
            self.storage.name,
            f"{NOTES}/{self.note}",
            self.inventory.lab,
            self._fill,
        )
        made = program("make_filesystem.sh", "initialise_replication.sh")
        command = f"set -- {shlex.join(words)}\n{made}"
        what = "replication initialised, filesystem made"
        return (Step(what, command, self.timing.format_wait_s + self._fill_s),)

    def readings(self) -> dict[str, str]:
        """Ask the kernel."""
        return {replicas.READING: replicas.COMMAND}

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell what is not right with the replication, and who has to mend it."""
        return replicas.reasons(self.storage, self.carriers, seen, self.timing.stop_wait_s / 2)

    def is_redundant(self, seen: Seen) -> bool:
        """Tell whether both disks hold the same."""
        return replicas.is_redundant(self.devices(seen))

    def devices(self, seen: Seen) -> dict[str, Device | None]:
        """Return what the kernel of each node that has a replica says of it; None where not up."""
        return replicas.devices(self.storage, self.carriers, seen)

    def monitored(self) -> tuple[Watched, ...]:
        """Watch the replica of each node, and how many of them are promoted.

        The collector calls it what the cluster calls an instance.
        """
        word = self.storage.instance
        # With a hyphen in it, a word stands in brackets in JSONPath.
        path = f".{word}" if word.isidentifier() else f"['{word}']"
        return (watched("drbd", apart=self._apart, storage=self._apart, path=path),)

    def columns(self) -> tuple[Column, ...]:
        """Show the replica of each node."""
        name = self._apart
        of, which = (f" of storage {name}", f" ({name})") if name else ("", "")
        return (
            Column(Place.DATA, f"Replication{which}", f"Replication{of}"),
            Column(Place.DATA, f"Role{which}", f"Replication role{of}"),
            Column(Place.DATA, f"Disk{which}", f"Replicated disk{of}"),
        )

    def resources(self) -> tuple[Resource, ...]:
        """Return the replication: on two nodes, promoted on one of them."""
        replication = Primitive(
            self.storage.instance,
            "ocf:linbit:drbd",
            promotable_operations(self._operations),
            {
                "drbd_resource": self.storage.resource,
                "adjust_master_score": PROMOTION_SCORES,
            },
        )
        meta: Values = {
            "promotable": "true",
            "promoted-max": 1,
            "promoted-node-max": 1,
            "clone-max": len(self.carriers),
            "clone-node-max": 1,
            "notify": "true",
            "interleave": "true",
        }
        return (Clone(self.storage.clone, replication, meta),)

    def constraints(self) -> tuple[Constraint, ...]:
        """Return what keeps it from nodes without a replica."""
        return self.excluding(self.storage.clone)

    def ties(self, user: str) -> tuple[Constraint, ...]:
        """Return what keeps a user of the storage, a resource, where its data can be written."""
        return (
            *super().ties(user),
            Colocation(user, self.storage.clone, "Promoted"),
            Order(self.storage.clone, "promote", user),
        )

    @property
    def _operations(self) -> PromotableOperations:
        """Advice of ocf:linbit:drbd: start 240, stop 100, the others 90, monitor 20.

        240 is generous in emulation already. A promotion may have to wait for the handler.
        """
        timing = self.timing
        return PromotableOperations(
            start_s=240,
            stop_s=100 * timing.pace,
            monitor_s=20 * timing.pace,
            monitor_every_s=every(timing, 10),
            promote_s=max(90 * timing.pace, timing.fence_handler_dc_s + 30),
            demote_s=90 * timing.pace,
            notify_s=90 * timing.pace,
            monitor_unpromoted_every_s=every(timing, 13),
        )

    @property
    def _apart(self) -> str:
        """What tells it from the first storage, which is not told from anything."""
        return self.storage.name if self.storage.number else ""

    def _is_made(self, found: Found) -> bool:
        """Tell whether the filesystem was made, or must be left alone as the cluster has it."""
        return found.cluster_runs or self.note in found.facts[self.carriers[0]].notes

    def _look(self, what: str) -> str:
        return f"{what} {self.storage.resource}"

    def _attach(self, found: Found, facts: Facts, written: frozenset[str]) -> tuple[Step, ...]:
        """Give the disk metadata if it has none and bring replication up; one node notes it.

        Afterwards that is for Pacemaker, whose agent needs the module: a node that was made anew
        has not loaded it.
        """
        if self._is_made(found):
            needed = MODULE in written or not facts.cluster_runs
            return (Step("DRBD loaded", "modprobe drbd"),) if needed else ()
        words = shlex.join((self.storage.resource, self.minor))
        command = f"set -- {words}\n{program('attach_replication.sh')}"
        return (Step("replication attached", command),)

    def _adjust(self, facts: Facts, written: frozenset[str]) -> tuple[Step, ...]:
        """Make running replication take over its configuration, and end what cut it off by hand.

        A node that stands alone or has let go of its disk stays so by itself.
        """
        line = facts.looks.get(self._look("replication"), "")
        cut_off = any(word in line for word in ("cs:StandAlone", "ds:Diskless/"))
        if not facts.cluster_runs or (self.configuration not in written and not cut_off):
            return ()
        command = f"drbdadm adjust {self.storage.resource}"
        return (Step("replication took over its configuration", command),)

    def _grow(self, facts: Facts) -> tuple[Step, ...]:
        """Make replication and filesystem as large as their disks, where the filesystem is in use.

        Both disks must have grown.
        """
        found = parse_sizes(facts.looks.get(self._look("sizes"), ""))
        if found is None:
            return ()
        least = found.disk_kib - _metadata_kib(found.disk_kib)
        grown = found.filesystem_kib >= found.device_kib - FILESYSTEM_REST_KIB
        if found.device_kib >= least and grown:
            return ()
        words = shlex.join((self.storage.resource, self.minor, str(least)))
        command = f"set -- {words}\n{program('grow_replication.sh')}"
        return (Step("replicated disk and filesystem grown", command),)


def check_handler(written: frozenset[str]) -> tuple[Step, ...]:
    """Let the corrected handler judge a living and a dead peer, whenever it was written."""
    if FENCE_HANDLER not in written:
        return ()
    command = f"set -- {FENCE_HANDLER}\n{program('check_fence_handler.sh')}"
    return (Step("fence handler corrected", command),)


def parse_sizes(text: str) -> Sizes | None:
    """Read the sizes; None where the device is not primary."""
    found = {
        words[0]: [int(word) for word in words[1:]] for words in map(str.split, text.splitlines())
    }
    if not {"disk", "device", "filesystem"} <= found.keys():
        return None
    # Blocks come first and the exponent of their size in KiB last (ext4's disk layout).
    superblock = found["filesystem"]
    return Sizes(
        disk_kib=found["disk"][0] // 1024,
        device_kib=found["device"][0] // 2,
        filesystem_kib=superblock[0] << superblock[-1],
    )


def _metadata_kib(disk_kib: int) -> int:
    """Return what DRBD may take of a disk for its internal metadata.

    A bit for each 4 KiB, an activity log of 32 KiB and a superblock of 4 KiB, aligned to 4 KiB
    (drbdmeta(8)).
    """
    return disk_kib // (4 * 8 * 1024) + 32 + 4 + 8

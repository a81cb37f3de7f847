"""One disk that all nodes write at once: GFS2, whose nodes ask each other for locks.

The kernel's lock manager (DLM) grants a lock once every node agrees. When a node is lost it grants
none until fencing is confirmed, and of what the node may have held none until another has replayed
the lost one's journal: so nobody writes what a node writes that only seems dead. The order of its
parts, and `freeze`, are as the documentation of Red Hat's and of SUSE's clusters has them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from inventory.model import Machine
from labs.tables import storage as tables
from labs.tables.machines import MOST_NODES
from parts.base import Found
from parts.cluster import Clone, Group, Primitive, Resource, Values, advised, every, operations
from parts.constraints import Colocation, Constraint, Order
from parts.host import NOTES, Entry, File, Link, Step, program, render
from parts.membership.corosync import QUORATE
from parts.reasons import Reason
from parts.secrets import Secrets
from parts.seen import LIMITED, Seen
from parts.storage.replicas import named
from parts.storage.volumes import VolumePart
from wire import dlm
from wire.lvm import OWNERS_COMMAND
from wire.pacemaker import Role

CONFIGURATION = "/etc/dlm/dlm.conf"
MODULES_FILE = "/etc/modules-load.d/halab-gfs2.conf"
MODULES = ("dlm", "gfs2", "sctp")

LIBRARY = "/usr/lib/libstonithd.so.26"
PRESENT_LIBRARY = "/usr/lib/x86_64-linux-gnu/libstonithd.so.56"
"""By which name dlm_stonith asks for the library that tells whether a node is fenced, and its name.

Pacemaker 3.0.0's header gives the name of a former version to programs that are built with it
(`STONITH_LIBRARY` in crm/stonith-ng.h), and dlm-controld 4.3.0 is. Without the library every
fencing fails in the lock manager's eyes, and no lock is granted any more. What it calls has not
changed since.
"""

CHECK = f"""python3 -I -S -c '
import ctypes
library = ctypes.CDLL("{LIBRARY.rpartition("/")[2]}")
library.stonith_api_time, library.stonith_api_kick'"""

LOCKS_EVERY_S = 10
"""Between two monitors of the lock manager, on machines as usual: as its agent advises."""

LOCKS = "locks"
"""The reading of a node's lockspaces."""


class Gfs2(VolumePart):
    """One filesystem, mounted on all nodes at once."""

    kind = "gfs2"
    # The lock managers and the filesystem's tools besides LVM's; kmod and Python for the steps.
    node_packages = (
        *VolumePart.node_packages,
        *("dlm-controld", "gfs2-utils", "kmod", "lvm2-lockd", "python3"),
    )
    left_alone = ("dlm.service", "lvmlockd.service", "lvmlocks.service")
    needs_full_kernel = tables.Gfs2.needs_full_kernel

    fstype: ClassVar[str] = "gfs2"
    # Locks outlive whoever asked for them: nothing here is repaired in place.
    fences: ClassVar[bool] = True
    # Without a lock: it answers while others wait for one.
    owners_command: ClassVar[str] = f"{OWNERS_COMMAND} --nolocking"

    @property
    def configuration(self) -> str:
        """All nodes own it, by locks."""
        return "lvmlocal-locks.conf.j2"

    @property
    def holder(self) -> tuple[str, Role]:
        """Every node where it is mounted has the data."""
        return self.storage.filesystem, Role.STARTED

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe besides what the lock manager reads, and the library that it asks for."""
        return (
            *super().files(machine, secrets, found),
            File(CONFIGURATION, render("dlm.conf.j2")),
            File(MODULES_FILE, render("dlm-modules.conf.j2", modules=MODULES)),
            Link(LIBRARY, PRESENT_LIBRARY),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Load what the kernel needs; what dlm_stonith needs has to be there."""
        steps = list(super().configure(machine, found, written))
        if MODULES_FILE in written or not found[machine].cluster_runs:
            lacks = (
                'echo "$(uname -r) is a kernel without what GFS2 needs: install linux-image-amd64, '
                'boot it, and try again" >&2; exit 1'
            )
            command = f"modprobe --all {shlex.join(MODULES)} || {{ {lacks}; }}"
            steps.append(Step("lock manager and filesystem loaded", command))
        if LIBRARY in written:
            steps.append(Step("lock manager hears of fencing", CHECK))
        return tuple(steps)

    def join(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Make volume group and filesystem; on the first node only, and for the cluster to start.

        That takes a lock manager, and that a membership. It has a journal for every node that a lab
        can have: added later they would lie scattered (gfs2_jadd(8)).
        """
        if not self.makes(machine, found):
            return ()
        wait_s = self.timing.membership_wait_s
        words = (
            str(wait_s),
            QUORATE,
            self.storage.disk,
            self.group,
            self.storage.name,
            f"{NOTES}/{self.note}",
            self.inventory.lab,
            str(MOST_NODES),
            str(tables.GFS2_JOURNAL_MIB),
            self._fill,
        )
        text = program("await.sh", "initialise_cluster_filesystem.sh")
        what = "shared volume group and cluster filesystem made"
        return (Step(what, f"set -- {shlex.join(words)}\n{text}", extra_s=wait_s + self._fill_s),)

    def properties(self) -> Values:
        """Return what a node does that has lost its quorum: nothing, until it is fenced or has one.

        To unmount the filesystem takes locks, and without a quorum none is granted: what is stopped
        could not stop.
        """
        return {"no-quorum-policy": "freeze"}

    def members(self) -> tuple[Primitive, ...]:
        """Return nothing: it is mounted whether or not a service runs on the node."""
        return ()

    def resources(self) -> tuple[Resource, ...]:
        """Return what every node runs: the lock managers, the volume group, the filesystem.

        Timeouts as ocf:pacemaker:controld and ocf:heartbeat:lvmlockd advise.
        """
        timing, storage = self.timing, self.storage
        often_s, seldom_s = every(timing, LOCKS_EVERY_S), every(timing, 30)
        locks = Primitive(
            storage.lock_manager,
            "ocf:pacemaker:controld",
            operations(
                advised(timing, start=90, stop=100, monitor=20, every_s=often_s),
                fences=self.fences,
            ),
        )
        volume_locks = Primitive(
            storage.volume_locks,
            "ocf:heartbeat:lvmlockd",
            operations(
                advised(timing, start=90, stop=90, monitor=90, every_s=seldom_s),
                fences=self.fences,
            ),
        )
        volume = self.activation({"vg_access_mode": "lvmlockd", "activation_mode": "shared"})
        members = (locks, volume_locks, volume, *super().members())
        return (Clone(storage.mounts, Group(storage.mount, members), {"interleave": "true"}),)

    def ties(self, user: str) -> tuple[Constraint, ...]:
        """Return what keeps a user of it, on each node, to a node that has it mounted."""
        mounts = self.storage.mounts
        return (Colocation(user, mounts), Order(mounts, "start", user))

    def readings(self) -> dict[str, str]:
        """Ask the lock manager besides what its locks wait for."""
        return {**super().readings(), LOCKS: f"{LIMITED} {dlm.COMMAND}"}

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell who does not have it, who cannot read it, and whose locks wait."""
        storage, active, mounted = self.storage, self.active(seen), self.mounted(seen)
        for resource in (storage.lock_manager, storage.volume_locks, storage.activation):
            yield from seen.not_started(resource)
        yield from seen.not_started(storage.filesystem)
        for name, volumes in self.volumes(seen).items():
            if self.group not in volumes.owners:
                yield f"{name} cannot read the shared disk{named(storage)}"
        for name in seen.online:
            if name in seen.reached and (name not in active or name not in mounted):
                yield f"{name} does not have {storage.mount_point} mounted"
        for name, node in seen.reached.items():
            for lockspace, found in dlm.parse_lockspaces(node.told.get(LOCKS, "")).items():
                if found.waits:
                    yield f"locks of {lockspace} on {name} wait for {found.waits}"

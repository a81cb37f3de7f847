"""A file server on storage that moves: NFS 4, whose clients keep their locks through a failover.

A client waits while nobody answers, and then claims again what it had. The new server believes it
because the records of clients stand on the storage and move along, because all nodes say that they
are the same server (`scope`), and because for a while it gives nothing to anybody else (`grace`).

The agent's own way to move the records, `nfs_shared_infodir`, binds a folder of the storage over
/var/lib/nfs. fsidd (nfs-utils 2.8.3), which a package of Debian starts with the server and no agent
before version 4.18 stops, then keeps that busy, so that no stop succeeds and the node is fenced.
Here the programs are told where the storage is, and nothing is bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from inventory.model import Machine
from labs.durations import Operations
from labs.roles import MachineRole, NetworkRole
from parts.base import Found
from parts.cluster import Primitive, advised, operations
from parts.daemons import Daemon
from parts.host import PROGRAMS, UNITS, Entry, File, Step, program, render
from parts.reasons import FOR_EVER, Reason, Remedy
from parts.secrets import Secrets
from parts.seen import Seen, exactly_one
from parts.services.base import ServicePart, Threads
from parts.services.folder import archived, clear_entries, list_entries, replaced
from wire.nfs import DAEMONS, KERNEL, Served, command, parse_served

UNIT = "nfs-server.service"
CONFIGURATION = "/etc/nfs.conf.d/halab.conf"
DROP_IN = f"{UNITS}/{UNIT}.d/halab.conf"
KEEP_RECORDS = f"{PROGRAMS}/keep-records"

SCRIPT = "/etc/init.d/nfs-kernel-server"
"""What Debian starts the server with where there is no systemd."""
SCRIPT_LOOK = "nfs-script"

RECORDS_UNIT = "nfsdcld.service"
MOUNT_UNIT = "nfs-mountd.service"
"""The daemons beside the kernel's threads, at neither of which the agent looks. The server's unit
requires the second: were systemd to start that again, it would restart the server as well."""

VERSIONS = frozenset({"4", "4.1", "4.2"})
"""What is spoken, in the kernel's words."""

LEASE_S = GRACE_S = 10
"""How long a silent client keeps what it has, and how long clients may claim it again after a
start. The shortest that the kernel takes (fs/nfsd/nfsctl.c), so that a failover can be watched;
its default is 90, and SUSE's guide to NFS in a cluster wants 30 or more in production."""

RECONNECT_S = LEASE_S / 2 + 1
"""A client that nobody answers pauses before it connects again: for half a lease at most
(nfs4_set_lease_period, fs/nfs/nfs4renewd.c), and the second that it asks by ARP in."""

LOCKED_BYTES = 4096
"""Size of the file that clients outside lock bytes of, and read to know whether they are served."""

READING = "exports"


class Nfs(ServicePart):
    """One NFS server, and what it exports to the monitor. Pacemaker starts both, systemd never."""

    kind = "nfs"
    # rpcinfo is rpcbind's.
    node_packages = ("nfs-kernel-server", "procps", "resource-agents", "rpcbind")
    monitor_packages = ("nfs-common", "rpcbind")
    # What the packages would start at every boot. rpcbind is for older versions of NFS.
    left_alone = (UNIT, "fsidd.service", "rpcbind.service", "rpcbind.socket", "nfs-client.target")

    start_pace_s = 4.0
    """Reckoned, not measured: the agent's start is ten calls of systemctl and its waits of a whole
    second, that of the export two programs."""

    pause_s = GRACE_S + RECONNECT_S
    """Whoever opens something waits for a client of before that does not come back."""

    syncs = True
    """A server answers COMMIT when it is on the disk; with the option `sync`, everything else."""

    @property
    def folder(self) -> str:
        """What clients mount."""
        return f"{self._mount_point}/export"

    @property
    def state(self) -> str:
        """Where the programs keep the table of exports, and below it the records of clients.

        With the data, so that they move with them, and are not written to a full root disk.
        """
        return f"{self._mount_point}/nfs"

    @property
    def records(self) -> str:
        """Where nfsdcld keeps the records of clients."""
        return f"{self.state}/nfsdcld"

    @property
    def client(self) -> IPv4Address:
        """Who may mount it: the monitor, and nobody else."""
        return self.inventory.monitor.interfaces[NetworkRole.SERVICE].address.ip

    @property
    def process(self) -> Threads:
        """The kernel's threads, which hear no signal; systemd goes on to take them for active."""
        return Threads("rpc.nfsd 0")

    @property
    def timeouts(self) -> Operations:
        """As ocf:heartbeat:nfsserver advises."""
        return advised(self.timing, start=40, stop=20, monitor=20, every_s=self.every_s)

    @property
    def primitive(self) -> Primitive:
        """The server. Its start empties the table of exports, so that they come after it.

        `nfs_no_notify`: reboots are told to clients of NFS 3 alone.
        """
        return Primitive(
            self.service.resource,
            "ocf:heartbeat:nfsserver",
            operations(self.timeouts),
            {"nfsv4_only": "true", "nfs_no_notify": "true"},
        )

    @property
    def export(self) -> Primitive:
        """What lets clients in, with timeouts as ocf:heartbeat:exportfs advises.

        One that ends while the server goes on takes nobody's locks (`unlock_on_stop`), and its
        `fsid` makes a file the same one on every node. Of NFS 3 would be `rmtab_backup`.
        """
        timeouts = advised(self.timing, start=40, stop=120, monitor=20, every_s=self.every_s)
        return Primitive(
            self.service.export,
            "ocf:heartbeat:exportfs",
            operations(timeouts),
            {
                "directory": self.folder,
                "clientspec": str(self.client),
                "options": f"rw,sync,no_subtree_check,mountpoint={self._mount_point}",
                "fsid": 1,
                "unlock_on_stop": 0,
                "rmtab_backup": "none",
            },
        )

    @property
    def members(self) -> tuple[Primitive, ...]:
        """The server, then what it exports."""
        return (self.counted, self.export)

    @property
    def fill(self) -> str:
        """Make folders for clients and for the server's records, and a file to lock.

        A client's root is nobody here.
        """
        return (
            'install -d -m 0755 "$1/nfs" "$1/nfs/nfsdcld"\n'
            'install -d -m 0755 -o nobody -g nogroup "$1/export" "$1/export/ledger"\n'
            f'head -c {LOCKED_BYTES} /dev/zero >"$1/export/lock"\n'
            'chown nobody:nogroup "$1/export/lock"'
        )

    @property
    def ledger(self) -> str:
        """Where a client's ledger stands on the node that serves."""
        return f"{self.folder}/ledger"

    def list_ledger(self, run: str) -> str:
        """List files, with their times and sums."""
        return list_entries(self.ledger, run)

    def clear_ledger(self, run: str) -> str:
        """Remove files, and drafts that never became any."""
        drafts = clear_entries(self.ledger, f".{run}")
        return f"{clear_entries(self.ledger, run)}; {drafts}"

    @property
    def dump(self) -> str:
        """Print what clients see; the records of clients, and their locks, are this lab's own."""
        return archived(self.folder, "lock")

    @property
    def load(self) -> str:
        """Put it in the place of what clients see."""
        return replaced(self.folder, "lock", "lost+found")

    def question(self, address: IPv4Address) -> str:
        """Call NFS 4's procedure that does nothing, which a thread of the server has to answer."""
        high, low = divmod(self.service.port, 256)
        return f"timeout 5 rpcinfo -a {address}.{high}.{low} -T tcp 100003 4 >/dev/null"

    def reached_at(self, host: str, port: int) -> str:
        """Return the folder as an NFS URL has it (RFC 2224)."""
        return f"nfs://{host}{'' if port == 2049 else f':{port}'}{self.folder}"

    def looks(self, machine: Machine) -> dict[str, str]:
        """Ask whether the server's script can be run, as Debian delivers it."""
        return {SCRIPT_LOOK: f"if [ -x {SCRIPT} ]; then echo runs; fi"}

    def daemons(self, role: MachineRole) -> tuple[Daemon, ...]:
        """Return the daemon that keeps the records of clients."""
        return (Daemon(RECORDS_UNIT),)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the configuration of the server and of its daemons, and what goes before it."""
        text = render(
            "nfs.conf.j2",
            resource=self.service.resource,
            port=self.service.port,
            scope=self.inventory.lab,
            lease_s=LEASE_S,
            grace_s=GRACE_S,
            state=self.state,
            records=self.records,
        )
        return (
            File(CONFIGURATION, text),
            File(KEEP_RECORDS, program("keep_records.sh"), mode=0o755),
            File(DROP_IN, render("nfs-server.conf.j2", keep_records=KEEP_RECORDS)),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Let the cluster restart a running server whose configuration changed.

        The kernel takes over nothing while it serves. The server's script of System V goes out of
        the way before: with it the agent takes the machine for one without systemd.
        """
        steps = []
        if found[machine].looks.get(SCRIPT_LOOK):
            steps.append(Step("file server left to systemd", f"chmod a-x {SCRIPT}"))
        return (*steps, *self._taken_over(machine, found, written))

    def _taken_over(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        if CONFIGURATION not in written or not found[machine].cluster_runs:
            return ()
        command = (
            f"if [ $(cat {KERNEL}/threads 2>/dev/null || echo 0) -gt 0 ]; then "
            f"crm_resource --restart --resource {self.service.resource}; fi"
        )
        extra_s = self.timeouts.stop_s + self.timeouts.start_s
        return (Step("file server took over its configuration", command, extra_s=extra_s),)

    def readings(self) -> dict[str, str]:
        """Ask the kernel what it serves, and look at the table of exports."""
        return {READING: command(f"{self.state}/etab")}

    def served(self, seen: Seen) -> dict[str, Served]:
        """Return what each node says that it serves."""
        return {
            name: parse_served(node.told.get(READING, "")) for name, node in seen.reached.items()
        }

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell besides what the kernels say: who serves, whom it lets in, and what it speaks."""
        yield from super().reasons(seen)
        found = self.served(seen)
        serving = tuple(name for name, served in found.items() if served.threads)
        yield from exactly_one("has an NFS server", serving)
        for name in serving:
            served = found[name]
            if (self.folder, str(self.client)) not in served.exports:
                yield f"{name} does not export {self.folder} to {self.client}"
            for path, client in sorted(served.exports - {(self.folder, str(self.client))}):
                yield f"{name} exports {path} to {client}, which nobody asked for"
            for version in sorted(served.versions - VERSIONS):
                yield f"{name} speaks NFS {version}, and not only 4.1 and 4.2"
            for daemon in sorted(set(DAEMONS) - served.daemons):
                yield self._missing(daemon, name)
            if served.graceful:
                yield f"{name} waits for NFS clients of before to claim their locks again"

    def _missing(self, daemon: str, node: str) -> Reason | str:
        """Tell of a daemon that does not run where the kernel serves."""
        if daemon != "rpc.mountd":
            return f"{daemon} does not run on {node}: a client that comes for the first time waits"
        sentence = f"{daemon} does not run on {node}: nobody new can mount, and soon nobody can"
        return Reason(sentence, Remedy(node, f"systemctl start {MOUNT_UNIT}"), FOR_EVER)

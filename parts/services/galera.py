"""A database that is written at every node: MariaDB, replicated by Galera.

A transaction is acknowledged when all servers have received it in one order. Who is not where more
than half of them are refuses everything, so a divided cluster has one history. When all were lost,
the agent waits until each has told how far it had come, and lets the one that came furthest begin.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from ipaddress import IPv4Address

from inventory.model import Machine
from labs.durations import PromotableOperations
from labs.ports import GALERA_PORTS
from labs.roles import MachineRole, NetworkRole
from parts.base import Found
from parts.cluster import Primitive, Values, promotable_operations
from parts.facts import PACEMAKER
from parts.host import NOTES, PROGRAMS, UNITS, Entry, File, Link, Step, program, render
from parts.reasons import Reason
from parts.secrets import Secrets
from parts.seen import LIMITED, Seen
from parts.services.base import MONITOR_S, Process, ServicePart
from wire.galera import PRIMARY, STATEMENT, SYNCED, parse_server

CONFIGURATION = "/etc/mysql/halab.cnf"
START = f"{PROGRAMS}/start-mariadb"

ROOM = f"{NOTES}/galera"
DATA, LOG = f"{ROOM}/data", f"{ROOM}/error.log"
"""On the root disk, in a filesystem of its own: what a node loses with it, the others have."""

ROOM_MIB = 512
"""An empty database takes 63, and with what it needs while it runs 108 (MariaDB 11.8.9)."""

MAKE_ROOM = f"{PROGRAMS}/galera-room"
ROOM_UNIT = "halab-galera.service"
ROOM_SERVICE = f"{UNITS}/{ROOM_UNIT}"

SOCKET = "/run/mysqld/mysqld.sock"
PID_FILE = "/run/mysqld/halab.pid"

USER = DATABASE = "halab"
"""Whom the client outside is, and where it writes."""

WHOLE, GROUP, MISSED = sorted(GALERA_PORTS)
"""Ports for whole copies, for what all tell each other, and for what one has missed."""

UNPROMOTED_MONITOR_S = 20
"""As the agent advises: one that waits for who may begin looks again after this time."""

LOOK, READING = "galera", "galera"


class Galera(ServicePart):
    """One server on each node. Pacemaker starts them, systemd never."""

    kind = "galera"
    node_packages = (
        *("e2fsprogs", "galera-4", "mariadb-server", "rsync"),
        *("procps", "resource-agents"),
    )
    monitor_packages = ("mariadb-client-core", "python3-pymysql")
    left_alone = ("mariadb.service",)

    # Reckoned: as PostgreSQL's.
    fill_pace_s = 60.0
    start_pace_s = 6.0
    """Reckoned, not measured: how far it had come is looked for twice, in 1 s each on a busy host,
    and the agent looks every 2 s whether the server is there."""

    syncs = True

    returns_by_itself = True
    """Who starts again is no member until it has what it missed: its address is elsewhere then."""

    @property
    def process(self) -> Process:
        """One process of many threads, which writes its number.

        Nothing stands over it that would start it again.
        """
        return Process(PID_FILE, workers=False)

    @property
    def timeouts(self) -> PromotableOperations:
        """As ocf:heartbeat:galera advises: a promotion is the start, with what was missed."""
        pace = self.timing.pace
        return PromotableOperations(
            start_s=120 * pace,
            stop_s=120 * pace,
            monitor_s=30 * pace,
            monitor_every_s=MONITOR_S,
            promote_s=300 * pace,
            demote_s=120 * pace,
            monitor_unpromoted_every_s=UNPROMOTED_MONITOR_S,
        )

    @property
    def primitive(self) -> Primitive:
        """One server."""
        hosts = (f"{name}:{address}" for name, address in self._addresses.items())
        return Primitive(
            self.service.resource,
            "ocf:heartbeat:galera",
            promotable_operations(self.timeouts),
            {
                "binary": START,
                "client_binary": "/usr/bin/mariadb",
                "config": CONFIGURATION,
                "datadir": DATA,
                "log": LOG,
                "pid": PID_FILE,
                "socket": SOCKET,
                "wsrep_cluster_address": self._everybody,
                "cluster_host_map": ";".join(hosts),
            },
        )

    @property
    def clone_meta(self) -> Values:
        """All of them are promoted: unpromoted is who has not begun yet."""
        return {
            "promotable": "true",
            "promoted-max": len(self.places),
            "promoted-node-max": 1,
            **super().clone_meta,
        }

    @property
    def keeps_writes(self) -> bool:
        """Each node has all of it, without storage that would move."""
        return True

    def list_ledger(self, run: str) -> str:
        """Select rows, with their times and sums, when all that the others have is here."""
        rows = f"FROM ledger WHERE entry LIKE '{run}-%' ORDER BY entry"
        times = f"SELECT CONCAT(UNIX_TIMESTAMP(at), ' /', entry) {rows}"
        sums = f"SELECT CONCAT(SHA2(body, 256), '  /', entry) {rows}"
        return " && echo && ".join(
            self._client(f"SET SESSION wsrep_sync_wait = 1; {each}") for each in (times, sums)
        )

    def clear_ledger(self, run: str) -> str:
        """Delete rows, at every node at once."""
        return self._client(f"DELETE FROM ledger WHERE entry LIKE '{run}-%'")

    @property
    def dump(self) -> str:
        """Dump the database; users stay: they are each lab's own."""
        words = ("mariadb-dump", "--no-defaults", f"--socket={SOCKET}")
        options = ("--single-transaction", "--skip-add-locks", "--skip-disable-keys")
        return f"{shlex.join((*words, *options, DATABASE))} | gzip"

    @property
    def load(self) -> str:
        """Read it at one node, in the place of all that is there: the others receive it."""
        anew = f"DROP DATABASE {DATABASE}; CREATE DATABASE {DATABASE}; USE {DATABASE};"
        return f"{{ echo {shlex.quote(anew)}; gunzip; }} | {shlex.join(self._words)}"

    @property
    def _words(self) -> tuple[str, ...]:
        """The client program, as the server's administrator."""
        return ("mariadb", "--no-defaults", f"--socket={SOCKET}", DATABASE)

    def _client(self, statement: str) -> str:
        options = ("--batch", "--raw", "--skip-column-names", "--execute", statement)
        return shlex.join((*self._words, *options))

    @property
    def _addresses(self) -> dict[str, IPv4Address]:
        """Where the servers find each other: on the path that both cluster links carry."""
        role = NetworkRole.REPLICATION
        return {node.name: node.interfaces[role].address.ip for node in self.inventory.nodes}

    @property
    def _everybody(self) -> str:
        return f"gcomm://{','.join(map(str, self._addresses.values()))}"

    def question(self, address: IPv4Address) -> str:
        """Ask for a table; who is not where most servers are refuses it.

        Without TLS: the client would want to know the server's certificate, which is its own work.
        """
        words = ("timeout", "5", "mariadb", "--no-defaults", "--skip-ssl", "--connect-timeout=2")
        where = (f"--host={address}", f"--port={self.service.port}", f"--user={USER}")
        ask = ("--execute", "SELECT 1 FROM ledger LIMIT 0", DATABASE)
        return shlex.join((*words, *where, *ask))

    def reached_at(self, host: str, port: int) -> str:
        """Return what clients of MySQL and MariaDB call the database."""
        return f"mysql://{USER}@{host}:{port}/{DATABASE}"

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit that mounts the room for the data."""
        return (ROOM_UNIT,)

    def looks(self, machine: Machine) -> dict[str, str]:
        """Look whether the node has a database."""
        return {LOOK: f"if [ -d {DATA}/mysql ]; then echo made; fi"}

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the server's configuration, what starts it, and the room for its data."""
        text = render(
            "galera.cnf.j2",
            resource=self.service.resource,
            port=self.service.port,
            lab=self.inventory.lab,
            name=machine.name,
            address=self._addresses[machine.name],
            everybody=self._everybody,
            whole=WHOLE,
            group=GROUP,
            missed=MISSED,
        )
        room = render(
            "reserve.service.j2",
            description="Room for the database that nobody else can fill",
            folder=NOTES,
            users=(PACEMAKER,),
            command=f"{MAKE_ROOM} {ROOM} {ROOM_MIB}",
            place=ROOM,
        )
        return (
            File(CONFIGURATION, text),
            File(START, program("start_mariadb.sh"), mode=0o755),
            File(MAKE_ROOM, program("galera_room.sh"), mode=0o755),
            File(ROOM_SERVICE, room),
            Link(f"{UNITS}/{PACEMAKER}.requires/{ROOM_UNIT}", ROOM_SERVICE),
        )

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make room, and let the cluster restart a running server whose configuration changed.

        One node after the other: a server takes over next to nothing while it runs.
        """
        if not found[machine].unit(ROOM_UNIT).active:
            return (Step("room for the database kept", f"systemctl start {ROOM_UNIT}"),)
        if CONFIGURATION not in written or not found[machine].cluster_runs:
            return ()
        command = (
            f"if [ -s {PID_FILE} ]; then crm_resource --restart --resource {self.service.group} "
            f"--node {machine.name}; fi"
        )
        times = self.timeouts
        extra_s = times.demote_s + times.stop_s + times.start_s + times.promote_s
        what = "database took over its configuration"
        return (Step(what, command, in_turn=True, extra_s=extra_s),)

    def prepare_data(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make an empty database on every node: the agent says whose becomes everybody's."""
        if found[machine].looks.get(LOOK) == "made":
            return ()
        client = self.inventory.monitor.interfaces[NetworkRole.SERVICE].address.ip
        words = (DATA, CONFIGURATION, USER, DATABASE, str(client))
        command = f"set -- {shlex.join(words)}\n{program('make_galera.sh')}"
        return (Step("empty database made", command, extra_s=self.fill_s),)

    def readings(self) -> dict[str, str]:
        """Ask the server how it sees itself and the others."""
        return {READING: f"{LIMITED} {self._client(STATEMENT)}"}

    def reasons(self, seen: Seen) -> Iterator[Reason | str]:
        """Tell besides what the servers themselves say: whether they are together, and up to date.

        Those that the cluster has promoted: of others it is told that they are not.
        """
        yield from super().reasons(seen)
        resource = self.service.resource
        promoted = seen.cluster.running(resource, self.role) if seen.cluster else ()
        for name in promoted:
            node = seen.reached.get(name)
            server = parse_server(node.told.get(READING, "")) if node else None
            if node is None:
                continue
            if server is None:
                yield f"{resource} on {name} does not tell how it is"
            elif server.component != PRIMARY:
                yield f"{resource} on {name} is not where most servers are, and refuses clients"
            elif server.size != len(promoted):
                yield f"{resource} on {name} is together with {server.size} of {len(promoted)}"
            elif server.state != SYNCED:
                yield f"{resource} on {name} is {server.state}, not {SYNCED}"

"""A database on replicated storage: what a client was told is committed is on both disks."""

from __future__ import annotations

import shlex
from ipaddress import IPv4Address

from inventory.model import Machine
from labs.durations import Operations
from labs.roles import NetworkRole
from parts.base import Found
from parts.cluster import Primitive, advised, operations
from parts.host import Entry, File, Step, program, render
from parts.secrets import Secrets
from parts.services.base import Process, ServicePart

BINARIES = "/usr/lib/postgresql/17/bin"
"""Debian 13's version. The wrappers in /usr/bin are Perl, which an emulated machine feels."""

USER = DATABASE = "halab"
"""Whom the client outside is, and where it writes."""

EMPTY = "/var/lib/postgresql/halab-empty"
"""Where guest images bring an empty database."""

EMPTIED = """DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
END $$;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;"""
"""Statements that leave a database as PostgreSQL makes one (ddl-schemas, "The Public Schema")."""


def _made_at(place: str) -> str:
    """Return shell text that makes an empty database; `place` is a word of the shell."""
    return f"set -- {place} {BINARIES} {USER} {DATABASE}\n{program('make_database.sh')}"


class Postgresql(ServicePart):
    """One database server. Pacemaker starts it, systemd never."""

    kind = "postgresql"
    node_packages = ("postgresql-17", "resource-agents")
    monitor_packages = ("postgresql-client-17", "python3-psycopg2")
    node_prepared = _made_at(EMPTY)
    left_alone = ("postgresql.service", "postgresql@17-main.service")

    start_pace_s = 5.0
    # Calibration: initdb and what follows took 57 s in emulation, and four times that where another
    # lab was built and tested on the same two processors.
    fill_pace_s = 60.0

    syncs = True

    @property
    def configuration(self) -> str:
        """Where its configuration stands: beside the data, on every node."""
        return f"/etc/postgresql-common/{self._tag()}.conf"

    @property
    def access(self) -> str:
        """Where it reads who may come in."""
        return f"/etc/postgresql-common/{self._tag()}.hba.conf"

    @property
    def data(self) -> str:
        """Where its data stand on the node that has the storage."""
        return f"{self._mount_point}/pgsql"

    @property
    def process(self) -> Process:
        """The postmaster writes its number into the data, in the first line."""
        return Process(f"{self.data}/postmaster.pid")

    @property
    def timeouts(self) -> Operations:
        """As ocf:heartbeat:pgsql advises."""
        return advised(self.timing, start=120, stop=120, monitor=30, every_s=self.every_s)

    @property
    def primitive(self) -> Primitive:
        """The server. The agent's own defaults are not where Debian puts things."""
        return Primitive(
            self.service.resource,
            "ocf:heartbeat:pgsql",
            operations(self.timeouts),
            {
                "pgctl": f"{BINARIES}/pg_ctl",
                "psql": f"{BINARIES}/psql",
                "pgdata": self.data,
                "config": self.configuration,
                "pgport": self.service.port,
                "socketdir": "/run/postgresql",
                "logfile": "/dev/null",
            },
        )

    @property
    def fill(self) -> str:
        """Make an empty database, for whom the monitor is, or take the image's."""
        place = '"$1/pgsql"'
        return f"if [ -d {EMPTY} ]; then cp -a {EMPTY} {place}; else\n{_made_at(place)}fi\n"

    def list_ledger(self, run: str) -> str:
        """Select rows, with their times and sums."""
        rows = f"FROM ledger WHERE entry LIKE '{run}-%' ORDER BY entry"
        times = f"SELECT extract(epoch FROM at) || ' /' || entry {rows}"
        sums = f"SELECT encode(sha256(body::bytea), 'hex') || '  /' || entry {rows}"
        return f"{self._psql(times)}; echo; {self._psql(sums)}"

    def clear_ledger(self, run: str) -> str:
        """Delete rows; the table is there once somebody wrote."""
        delete = f"DELETE FROM ledger WHERE entry LIKE '{run}-%'"
        return f"{self._psql(delete)} || :"

    @property
    def dump(self) -> str:
        """Dump the database; roles stay: their passwords are each lab's own."""
        return f"{self._client('pg_dump', '--clean', '--if-exists')} | gzip"

    @property
    def load(self) -> str:
        """Restore it as a whole, or not at all, in the place of everything that is there."""
        restore = ("-Xq", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null")
        statements = shlex.quote(EMPTIED)
        return f"{{ echo {statements}; gunzip; }} | {self._client('psql', *restore)}"

    def _psql(self, statement: str) -> str:
        return self._client("psql", "-XAtq", "--command", statement)

    def _client(self, program: str, *options: str) -> str:
        """Return shell text that runs one of PostgreSQL's clients as its administrator."""
        words = (f"{BINARIES}/{program}", *options, f"--port={self.service.port}", DATABASE)
        as_postgres = "cd / && setpriv --reuid postgres --regid postgres --init-groups --reset-env"
        return f"({as_postgres} {shlex.join(words)})"

    def question(self, address: IPv4Address) -> str:
        """Ask whether it takes connections; a server that recovers does not."""
        return (
            f"{BINARIES}/pg_isready --quiet --timeout=1 --host={address} --port={self.service.port}"
        )

    def reached_at(self, host: str, port: int) -> str:
        """Return what libpq calls the database."""
        return f"postgresql://{USER}@{host}:{port}/{DATABASE}"

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe the server's configuration and who may come in."""
        monitor = self.inventory.monitor.interfaces[NetworkRole.SERVICE].address.ip
        text = render(
            "postgresql.conf.j2",
            resource=self.service.resource,
            data=self.data,
            access=self.access,
            port=self.service.port,
        )
        access = render("pg_hba.conf.j2", monitor=monitor, user=USER, database=DATABASE)
        return File(self.configuration, text), File(self.access, access)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make a running server take over a changed configuration; elsewhere nothing happens."""
        if not {self.configuration, self.access} & written or not found[machine].cluster_runs:
            return ()
        command = f"if [ -s {self.process.pid_file} ]; then kill -HUP {self.process.first}; fi"
        return (Step("database took over its configuration", command),)

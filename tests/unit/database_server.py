"""A PostgreSQL server, made and run as a lab's nodes do it, in a folder that goes away."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from core.wait import wait_until
from labs.roles import NetworkRole
from parts.base import Found
from parts.host import File
from parts.services import postgresql
from parts.services.postgresql import Postgresql
from tests.unit.planned_lab import SECRETS
from tests.unit.provisioned_lab import this_machine
from tests.unit.sketched import sketched

HERE = IPv4Address("127.0.0.1")

PROGRAMS = ("initdb", "postgres", "pg_isready")


@cache
def programs() -> Path | None:
    """Return where the newest server's programs are; Debian keeps them out of the way."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    return next((path for path in reversed(found) if (path / "initdb").exists()), None)


@cache
def python() -> str | None:
    """Return a Python that has psycopg2, as the monitor's own."""
    for path in ("/usr/bin/python3", sys.executable):
        words = [path, "-I", "-c", "import psycopg2"]
        with suppress(FileNotFoundError):
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                return path
    return None


def missing() -> str | None:
    """Return why no server can be run here, None when one can."""
    if programs() is None:
        return "there is no PostgreSQL server: apt install postgresql"
    if python() is None:
        return "no python3 here has psycopg2: apt install python3-psycopg2"
    if os.geteuid() != 0:
        return "PostgreSQL runs as another user than its tests, so they need root"
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return "there is no user `postgres`: apt install postgresql-common"
    return None


class Server:
    """A server that can be started, stopped in good order, killed, and made to stand still."""

    def __init__(self, part: Postgresql, folder: Path) -> None:
        self.part, self.folder = part, folder
        self.url = part.url(HERE)
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, command: str) -> str:
        """Run shell text as root on the node that serves."""
        return this_machine().run(command).stdout

    def tell(self, statement: str) -> str:
        """Run a statement as the administrator of the database; return what it prints."""
        words = shlex.join(
            [f"{postgresql.BINARIES}/psql", "-XAtq", "-p", str(self.part.service.port)]
        )
        who = "cd / && setpriv --reuid=postgres --regid=postgres --init-groups"
        return self.run(f"{who} {words} -c {shlex.quote(statement)} {postgresql.DATABASE}")

    def answers(self) -> bool:
        """Ask as the monitor does."""
        return this_machine().run(self.part.question(HERE), check=False).status == 0

    @property
    def connections(self) -> int:
        """How many clients have connected to it so far, from anywhere but this machine's socket."""
        return (self.folder / "log").read_text().count(f"connection received: host={HERE}")

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "config_file": self.folder / Path(self.part.configuration).name,
            "data_directory": self.folder / "pgsql",
            "hba_file": self.folder / Path(self.part.access).name,
            "unix_socket_directories": self.folder,
            "listen_addresses": HERE,
            "log_destination": "stderr",
            "log_connections": "on",
        }
        chosen = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups")
        with (self.folder / "log").open("ab") as log:
            server = (f"{programs()}/postgres", "-D", str(self.folder / "pgsql"))
            words = [*as_postgres, *server, *chosen]
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd="/")
        wait_until(
            self.answers,
            bool,
            what="the database answers",
            timeout=60,
            interval=0.1,
            failed=lambda _: self._ended(),
        )

    def _ended(self) -> str | None:
        ended = self._process is not None and self._process.poll() is not None
        return (self.folder / "log").read_text() if ended else None

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: in good order, or by SIGKILL with all that it runs."""
        if self._process is None:
            return
        if number is signal.SIGKILL:
            self._tell_all(number)
        else:
            self._process.send_signal(number)
        self._process.wait(timeout=60)
        self._process = None

    def freeze(self) -> None:
        """Let it stand still with all that it runs."""
        self._tell_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._tell_all(signal.SIGCONT)

    def _tell_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        own = self._process.pid
        listed = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        for pid in (own, *map(int, listed)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def serving() -> Iterator[Server]:
    """Make an empty database as a lab does, and serve it until the block ends."""
    found = programs()
    assert found is not None
    # Not pytest's folder: nobody but its owner may enter that.
    folder = Path(tempfile.mkdtemp(prefix="halab-database-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "BINARIES", str(folder / "bin"))
        try:
            _equip(folder, found)
            part = _part()
            this_machine().run(f"set -- {folder}\n{part.fill}", timeout=120)
            server = Server(part, folder)
            _configure(part, folder)
            server.start()
            yield server
            server.stop()
        finally:
            shutil.rmtree(folder)


def _equip(folder: Path, found: Path) -> None:
    """Give the folder a server's programs; psql finds the socket there."""
    folder.chmod(0o755)
    shutil.chown(folder, "postgres", "postgres")
    (folder / "bin").mkdir()
    for name in PROGRAMS:
        (folder / "bin" / name).symlink_to(found / name)
    psql = folder / "bin" / "psql"
    psql.write_text(f'#!/bin/sh\nexec {found}/psql --host={folder} "$@"\n')
    psql.chmod(0o755)


def _part() -> Postgresql:
    with socket.create_server((str(HERE), 0)) as free:
        port = free.getsockname()[1]
    table = {"kind": "postgresql", "storage": "data", "port": port}
    lab = sketched("books", services={"books": table}, storage={"data": {"kind": "drbd"}})
    part = lab.first_service
    assert isinstance(part, Postgresql)
    return part


def _configure(part: Postgresql, folder: Path) -> None:
    """Write what a node has; clients come from here instead of from the monitor."""
    inventory = part.inventory
    monitor = inventory.monitor.interfaces[NetworkRole.SERVICE].address.ip
    for file in part.files(inventory.nodes[0], SECRETS, Found({}, ())):
        assert isinstance(file, File)
        text = file.data.decode().replace(str(monitor), str(HERE))
        (folder / Path(file.path).name).write_text(text)

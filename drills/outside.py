"""The client outside the cluster; runs on the monitor under its own python3, beside drills.arp.

`outside.py FILE RUN WRITES INTERFACE URL...` asks the service at each URL in turn, 0.2 s
apart, until SIGTERM; if WRITES is "writes" it also writes numbered entries of known checksum to the
service's ledger, at each in turn. Once a second it asks by ARP who has the addresses. Each line of
FILE is a JSON object. An address that begins with postgresql: or mysql: is a database, and psycopg2
or pymysql has to be there; one that begins with nfs: is a folder, which is mounted below /tmp.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import json
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO
from urllib.parse import urlsplit

from drills.arp import holders

PROBE_EVERY = 0.2
PROBE_TIMEOUT = 0.8
LAST_PROBES = 5
WRITE_EVERY = 0.5
WRITE_TIMEOUT = 5.0
CONNECT_TIMEOUT = 3.0
LOOK_EVERY = 1.0
LOOK_WAIT = 0.3
"""All in seconds."""

TABLE = """CREATE TABLE IF NOT EXISTS ledger (
    entry text PRIMARY KEY,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""

MYSQL_PORT = 3306
NFS_PORT = 2049
MOUNTED = "vers=4.2,proto=tcp,hard,timeo=100,nosharecache,noatime,retry=0"
"""How a folder is mounted (nfs(5)). `hard`: whoever uses it waits for as long as it takes."""

PAGE = 4096
"""Bytes that are read at once past the cache."""

LOCK = "hhqqi"
OWN_BYTE = int.from_bytes(os.urandom(4))
"""How struct flock is laid out on x86-64, and the byte that this client locks; others lock theirs.
"""

Outcome = tuple[bool, str]
"""Whether it went well, and what the answer or the error was."""

stop = threading.Event()
one_at_a_time = threading.Lock()


def note(log: TextIO, kind: str, begun: float, facts: dict[str, object]) -> None:
    """Write one line: when it began and ended on the monotonic clock, the time of day, the rest."""
    times = {"kind": kind, "begun": begun, "ended": time.monotonic(), "wall": time.time()}
    with one_at_a_time:
        log.write(json.dumps({**times, **facts}) + "\n")
        log.flush()


class Web:
    """A web server; every request has a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)

    @property
    def address(self) -> str:
        """Where it is."""
        return self.url.hostname or ""

    def ask(self) -> Outcome:
        """Get the page."""
        status, error = self._exchange("GET", "/", PROBE_TIMEOUT)
        return status == 200, error or str(status)

    def keep(self, entry: str, body: str) -> Outcome:
        """Put an entry into the ledger; only an answer of 2xx is a promise."""
        status, error = self._exchange("PUT", f"/ledger/{entry}", WRITE_TIMEOUT, body.encode())
        return status is not None and 200 <= status < 300, error or str(status)

    def _exchange(
        self, method: str, path: str, timeout: float, body: bytes | None = None
    ) -> tuple[int | None, str | None]:
        connection = http.client.HTTPConnection(self.address, self.url.port or 80, timeout=timeout)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            answer.read()
            return answer.status, None
        except (OSError, http.client.HTTPException) as error:
            return None, type(error).__name__
        finally:
            connection.close()


class Database:
    """A PostgreSQL server; a connection is kept until the first error.

    Each statement is a transaction of its own: it has returned when COMMIT has. A connection may
    take longer than a statement: several of them wait for it in turn.
    """

    def __init__(self, url: str) -> None:
        import psycopg2

        self.url = url
        self.errors = (psycopg2.Error, OSError)
        self.open = psycopg2.connect
        self.connection: Any = None
        self.begun = 0.0
        self.connected = False
        self.has_table = False

    @property
    def address(self) -> str:
        """Where it is."""
        return urlsplit(self.url).hostname or ""

    def ask(self) -> Outcome:
        """Have it answer."""
        return self._tell("SELECT 1", (), PROBE_TIMEOUT)

    def keep(self, entry: str, body: str) -> Outcome:
        """Insert an entry into the ledger, which the first one makes."""
        if not self.has_table:
            self.has_table, why = self._tell(TABLE, (), WRITE_TIMEOUT)
            if not self.has_table:
                return False, why
        return self._tell("INSERT INTO ledger VALUES (%s, %s)", (entry, body), WRITE_TIMEOUT)

    def _tell(self, statement: str, values: tuple[str, ...], timeout: float) -> Outcome:
        deadline = time.monotonic() + timeout
        try:
            self._connect(deadline)
            # Without a name it would be gone before its answer comes.
            cursor = self.connection.cursor()
            cursor.execute(statement, values)
            self._wait(deadline)
            return True, ""
        except self.errors as error:
            waits = not self.connected and isinstance(error, TimeoutError)
            if not waits or time.monotonic() - self.begun > CONNECT_TIMEOUT:
                self._close()
            return False, type(error).__name__

    def _connect(self, deadline: float) -> None:
        if self.connection is None:
            self.begun, self.connected = time.monotonic(), False
            self.connection = self.open(self.url, async_=1)
        if not self.connected:
            self._wait(deadline)
            self.connected = True

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection, self.connected = None, False

    def _wait(self, deadline: float) -> None:
        while state := self.connection.poll():
            left = deadline - time.monotonic()
            # 1 is for reading and 2 for writing (psycopg2.extensions, POLL_READ and POLL_WRITE).
            readers, writers = ([self.connection] if state == flag else [] for flag in (1, 2))
            if left <= 0 or not any(select.select(readers, writers, [], left)):
                raise TimeoutError


class Errand:
    """One thing at a time: what takes longer than anybody would wait goes on, and the next waits.

    Whoever did not wait for it has to take it for failed.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None

    @property
    def is_late(self) -> bool:
        """Whether nobody waits for it any more, and it goes on."""
        return self.thread is not None and self.thread.is_alive()

    def within(self, seconds: float, action: Callable[[], Outcome]) -> Outcome:
        """Return how it went; nothing begins before the last is done."""
        deadline, told = time.monotonic() + seconds, [(False, "TimeoutError")]
        if self.thread is not None:
            self.thread.join(seconds)
            if self.is_late:
                return told[-1]
        # Python does not wait for its end, which may never come.
        self.thread = threading.Thread(target=lambda: told.append(action()), daemon=True)
        self.thread.start()
        self.thread.join(max(0.0, deadline - time.monotonic()))
        return told[-1]


class Replicated:
    """A MariaDB server with Galera; a connection is kept until the first error.

    Each statement is a transaction of its own: it has returned when COMMIT has. A table is asked
    for, which a server that is not where most servers are refuses; the ledger is there already. A
    connection may take longer than a statement: several of them wait for it in turn.
    """

    def __init__(self, url: str) -> None:
        import pymysql

        self.url = urlsplit(url)
        self.errors = (pymysql.MySQLError, OSError)
        self.open = pymysql.connect
        self.errand = Errand()
        self.socket: socket.socket | None = None
        self.connection: Any = None

    @property
    def address(self) -> str:
        """Where it is."""
        return self.url.hostname or ""

    def ask(self) -> Outcome:
        """Have it answer."""
        return self._tell("SELECT 1 FROM ledger LIMIT 0", (), PROBE_TIMEOUT)

    def keep(self, entry: str, body: str) -> Outcome:
        """Insert an entry into the ledger."""
        insert = "INSERT INTO ledger (entry, body) VALUES (%s, %s)"
        return self._tell(insert, (entry, body), WRITE_TIMEOUT)

    def _tell(self, statement: str, values: tuple[str, ...], timeout: float) -> Outcome:
        told = self.errand.within(timeout, lambda: self._execute(statement, values))
        if self.errand.is_late and self.connection is not None and self.socket is not None:
            # Whoever has the address by now knows nothing of this connection.
            self.socket.shutdown(socket.SHUT_RDWR)
        return told

    def _execute(self, statement: str, values: tuple[str, ...]) -> Outcome:
        try:
            if self.connection is None:
                self._connect()
            with self.connection.cursor() as cursor:
                cursor.execute(statement, values)
            return True, ""
        except self.errors as error:
            if self.socket is not None:
                self.socket.close()
            self.socket = self.connection = None
            return False, type(error).__name__

    def _connect(self) -> None:
        where = self.address, self.url.port or MYSQL_PORT
        self.socket = socket.create_connection(where, CONNECT_TIMEOUT)
        found = self.open(
            host=self.address,
            user=self.url.username,
            database=self.url.path.removeprefix("/"),
            autocommit=True,
            read_timeout=CONNECT_TIMEOUT,
            write_timeout=CONNECT_TIMEOUT,
            defer_connect=True,
        )
        found.connect(self.socket)
        self.connection = found


class Files:
    """A folder of a file server, mounted so that the kernel gives nothing up: an outage is a wait.

    What takes longer than anybody would wait has failed for him, and goes on; nothing else begins
    before it is done. Whoever asks holds a lock, and whoever writes looks first whether the server
    knows of it: it is another client to the server (`nosharecache`), and would be let in else.
    """

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)
        self.place = tempfile.mkdtemp()
        self.mounted = False
        self.held: int | None = None
        self.page = mmap.mmap(-1, PAGE)
        self.errand = Errand()

    @property
    def address(self) -> str:
        """Where it is."""
        return self.url.hostname or ""

    def ask(self) -> Outcome:
        """Read under the lock: a client whose lock the server has forgotten gets EIO for ever."""
        return self._within(PROBE_TIMEOUT, self._read)

    def keep(self, entry: str, body: str) -> Outcome:
        """Write an entry into the ledger; it is a promise once it is synced, with the lock held."""
        return self._within(WRITE_TIMEOUT, lambda: self._write(entry, body))

    def _within(self, seconds: float, action: Callable[[], Outcome]) -> Outcome:
        return self.errand.within(seconds, lambda: self._try(action))

    def _try(self, action: Callable[[], Outcome]) -> Outcome:
        try:
            if not self.mounted:
                host, port = self.address, self.url.port or NFS_PORT
                words = ["mount", "-t", "nfs4", "-o", f"{MOUNTED},port={port}"]
                subprocess.run([*words, f"{host}:{self.url.path}", self.place], check=True)
                self.mounted = True
            return action()
        except OSError as error:
            return False, errno.errorcode.get(error.errno or 0, type(error).__name__)
        except subprocess.CalledProcessError:
            return False, "not mounted"

    def _at(self, name: str) -> str:
        return os.path.join(self.place, name)

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._at(name), flags, 0o644)

    def _read(self) -> Outcome:
        if self.held is None:
            # Past the cache: every read is the server's, and nothing of it is delegated.
            found = self._open("lock", os.O_RDWR | os.O_DIRECT)
            try:
                fcntl.fcntl(found, fcntl.F_OFD_SETLK, own_lock())
            except OSError:
                os.close(found)
                raise
            self.held = found
        return os.preadv(self.held, [self.page], 0) == PAGE, ""

    def _write(self, entry: str, body: str) -> Outcome:
        found = self._open("lock", os.O_RDWR | os.O_DIRECT)
        try:
            answer = fcntl.fcntl(found, fcntl.F_OFD_GETLK, own_lock())
        finally:
            os.close(found)
        if struct.unpack(LOCK, answer)[0] == fcntl.F_UNLCK:
            return False, "no lock"
        # Half an entry is none: two without content would be taken for one that is there twice.
        draft = f"ledger/.{entry}"
        found = self._open(draft, os.O_CREAT | os.O_WRONLY)
        try:
            os.write(found, body.encode())
            os.fsync(found)
        finally:
            os.close(found)
        os.rename(self._at(draft), self._at(f"ledger/{entry}"))
        return True, ""


def own_lock() -> bytes:
    """Return what asks for a lock of this client's own byte, alone (struct flock, fcntl(2))."""
    return struct.pack(LOCK, fcntl.F_WRLCK, os.SEEK_SET, OWN_BYTE, 1, 0)


Service = Web | Database | Replicated | Files


def reach(url: str) -> Service:
    """Return the service that an address is of."""
    kinds: dict[str, Callable[[str], Service]] = {
        "postgresql": Database,
        "mysql": Replicated,
        "nfs": Files,
    }
    return kinds.get(urlsplit(url).scheme, Web)(url)


def every(seconds: float, action: Callable[[], object]) -> None:
    """Do something at a steady pace; what took longer than the pace is followed at once."""
    due = time.monotonic()
    while not stop.is_set():
        action()
        due = max(due + seconds, time.monotonic())
        stop.wait(due - time.monotonic())


class Prober:
    """Asks a service at all its addresses in turn."""

    def __init__(self, urls: tuple[str, ...], log: TextIO) -> None:
        self.services, self.log, self.turn = [reach(url) for url in urls], log, 0

    def probe(self) -> None:
        """Ask at the next address once."""
        self.ask(self.services[self.turn % len(self.services)])
        self.turn += 1

    def ask(self, service: Service) -> bool:
        """Ask at one address once; return whether it answered."""
        begun = time.monotonic()
        ok, error = service.ask()
        note(self.log, "probe", begun, {"ok": ok, "address": service.address, "error": error})
        return ok

    def ask_to_the_end(self) -> None:
        """Probe until told to stop, and on until an answer: a late one is no outage at the end."""
        every(PROBE_EVERY, self.probe)
        for service in self.services:
            for _ in range(LAST_PROBES):
                if self.ask(service):
                    break
                time.sleep(PROBE_EVERY)


class Writer:
    """Writes one ledger entry after the other, at all addresses in turn.

    A number is never used twice.
    """

    def __init__(self, urls: tuple[str, ...], log: TextIO, run: str) -> None:
        self.services, self.log, self.run, self.number = [reach(url) for url in urls], log, run, 0

    def write(self) -> None:
        """Write the next entry once."""
        self.number += 1
        entry = f"{self.run}-{self.number:06d}"
        body = json.dumps({"entry": entry, "noise": os.urandom(512).hex()})
        digest = hashlib.sha256(body.encode()).hexdigest()
        service = self.services[self.number % len(self.services)]
        begun = time.monotonic()
        ok, error = service.keep(entry, body)
        facts = {"ok": ok, "address": service.address, "entry": entry, "sha256": digest}
        note(self.log, "write", begun, {**facts, "error": error})


def watch(path: str, run: str, writes: str, interface: str, *urls: str) -> None:
    """Probe, and write if that is asked, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with open(path, "w") as log:
        prober = Prober(urls, log)
        tasks: list[tuple[float, Callable[[], object]]] = []
        if writes == "writes":
            tasks.append((WRITE_EVERY, Writer(urls, log, run).write))
        if interface:
            wanted = [service.address for service in prober.services]
            tasks.append((LOOK_EVERY, lambda: look(log, interface, wanted)))
        beside = [threading.Thread(target=every, args=task) for task in tasks]
        for thread in beside:
            thread.start()
        prober.ask_to_the_end()
        for thread in beside:
            thread.join()


def look(log: TextIO, interface: str, wanted: list[str]) -> None:
    """Note who answers for each address at this moment."""
    for address in wanted:
        begun = time.monotonic()
        hardware = sorted(holders(interface, address, LOOK_WAIT))
        note(log, "arp", begun, {"address": address, "hardware": hardware})


if __name__ == "__main__":
    watch(*sys.argv[1:])

"""The client outside the cluster; runs on the monitor under its own python3.

`outside.py probe FILE RUN WRITES INTERFACE URL...` asks the service at each URL in turn, 0.2 s
apart, until SIGTERM; if WRITES is "writes" it also writes numbered entries of known checksum to the
service's ledger at the first. Once a second it asks by ARP who has the addresses. Each line of FILE
is a JSON object. An address that begins with postgresql: is a database, and psycopg2 has to be
there.
`outside.py answers INTERFACE ADDRESS` prints the hardware addresses of all that answer an ARP
request for ADDRESS.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO
from urllib.parse import urlsplit

PROBE_EVERY = 0.2
PROBE_TIMEOUT = 0.8
LAST_PROBES = 5
WRITE_EVERY = 0.5
WRITE_TIMEOUT = 5.0
CONNECT_TIMEOUT = 3.0
ARP_WAIT = 3.0
LOOK_EVERY = 1.0
LOOK_WAIT = 0.3
"""All in seconds."""

TABLE = """CREATE TABLE IF NOT EXISTS ledger (
    entry text PRIMARY KEY,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""

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


def reach(url: str) -> Web | Database:
    """Return the service that an address is of."""
    return Database(url) if url.startswith("postgresql:") else Web(url)


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

    def ask(self, service: Web | Database) -> bool:
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
    """Writes one ledger entry after the other. A number is never used twice."""

    def __init__(self, url: str, log: TextIO, run: str) -> None:
        self.service, self.log, self.run, self.number = reach(url), log, run, 0

    def write(self) -> None:
        """Write the next entry once."""
        self.number += 1
        entry = f"{self.run}-{self.number:06d}"
        body = json.dumps({"entry": entry, "noise": os.urandom(512).hex()})
        digest = hashlib.sha256(body.encode()).hexdigest()
        begun = time.monotonic()
        ok, error = self.service.keep(entry, body)
        facts = {"ok": ok, "address": self.service.address, "entry": entry, "sha256": digest}
        note(self.log, "write", begun, {**facts, "error": error})


def watch(path: str, run: str, writes: str, interface: str, *urls: str) -> None:
    """Probe, and write if that is asked, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with open(path, "w") as log:
        prober = Prober(urls, log)
        tasks: list[tuple[float, Callable[[], object]]] = []
        if writes == "writes":
            tasks.append((WRITE_EVERY, Writer(urls[0], log, run).write))
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


def answers(interface: str, address: str) -> None:
    """Print who answers for the address, asked for a while."""
    print(json.dumps(sorted(holders(interface, address, ARP_WAIT))))


def holders(interface: str, address: str, seconds: float) -> set[str]:
    """Broadcast ARP requests for an address; return the hardware addresses of all that answer."""
    wanted, arp, request, reply = socket.inet_aton(address), 0x0806, 1, b"\0\2"
    found = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(arp)) as link:
        link.bind((interface, arp))
        link.settimeout(min(0.5, seconds))
        own = link.getsockname()[4]
        question = b"".join(
            (
                b"\xff" * 6 + own + struct.pack("!H", arp),
                struct.pack("!HHBBH", 1, 0x0800, 6, 4, request),
                own + own_address(interface) + b"\0" * 6 + wanted,
            )
        )
        asked, deadline = 0.0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            if time.monotonic() - asked > 0.5:
                asked = time.monotonic()
                link.send(question)
            try:
                frame = link.recv(128)
            except TimeoutError:
                continue
            # Behind the Ethernet header of 14 bytes: operation at 6, sender's addresses at 8.
            if frame[20:22] == reply and frame[28:32] == wanted:
                found.add(frame[22:28].hex(":"))
    return found


def own_address(interface: str) -> bytes:
    """Return the IPv4 address of an interface in network order (SIOCGIFADDR, netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        asked = struct.pack("256s", interface.encode())
        return fcntl.ioctl(plain, 0x8915, asked)[20:24]


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "probe":
        watch(*arguments)
    else:
        answers(*arguments)

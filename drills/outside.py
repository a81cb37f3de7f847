"""The client outside the cluster; runs on the monitor under its own python3.

`outside.py FILE RUN WRITES INTERFACE URL...` asks the service at each URL in turn, 0.2 s
apart, until SIGTERM; if WRITES is "writes" it also writes numbered entries of known checksum to the
service's ledger, at each in turn. Once a second it asks by ARP who has the addresses. Each line of
FILE is a JSON object. How an address is used is said by `drills/clients`, by its scheme.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import TextIO
from urllib.parse import urlsplit

from drills.arp import holders
from drills.clients.base import Asking

PROBE_EVERY = 0.2
LAST_PROBES = 5
WRITE_EVERY = 0.5
LOOK_EVERY = 1.0
LOOK_WAIT = 0.3
"""All in seconds."""

stop = threading.Event()
one_at_a_time = threading.Lock()


def note(log: TextIO, kind: str, begun: float, facts: dict[str, object]) -> None:
    """Write one line: when it began and ended on the monotonic clock, the time of day, the rest."""
    times = {"kind": kind, "begun": begun, "ended": time.monotonic(), "wall": time.time()}
    with one_at_a_time:
        log.write(json.dumps({**times, **facts}) + "\n")
        log.flush()


def reach(url: str) -> Asking:
    """Return what uses an address: the client in the module that is called like its scheme."""
    found: Asking = import_module(f"drills.clients.{urlsplit(url).scheme}").Client(url)
    return found


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

    def ask(self, service: Asking) -> bool:
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


def end(*_: object) -> None:
    """Have everything end, once: a second signal would meet the lock of `stop` in the first."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop.set()


def watch(path: str, run: str, writes: str, interface: str, *urls: str) -> None:
    """Probe, and write if that is asked, until SIGTERM."""
    signal.signal(signal.SIGTERM, end)
    with open(path, "w") as log:
        prober = Prober(urls, log)
        tasks: list[tuple[float, Callable[[], object]]] = []
        if writes == "writes":
            tasks.append((WRITE_EVERY, Writer(urls, log, run).write))
        if interface:
            wanted = [service.address for service in prober.services]
            tasks.append((LOOK_EVERY, lambda: look(log, interface, wanted)))
        threads = [
            threading.Thread(target=prober.ask_to_the_end),
            *(threading.Thread(target=every, args=task) for task in tasks),
        ]
        for thread in threads:
            thread.start()
        # Signals are handled here, where nothing but this is done: in a thread that itself waits
        # for `stop`, the handler could meet its lock held by the very thread, and never come back.
        for thread in threads:
            thread.join()


def look(log: TextIO, interface: str, wanted: list[str]) -> None:
    """Note who answers for each address at this moment."""
    for address in wanted:
        begun = time.monotonic()
        hardware = sorted(holders(interface, address, LOOK_WAIT))
        note(log, "arp", begun, {"address": address, "hardware": hardware})


if __name__ == "__main__":
    watch(*sys.argv[1:])

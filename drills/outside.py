"""The client outside the cluster; runs on the monitor under a bare python3, standard library only.

`outside.py probe URL FILE RUN [INTERFACE ADDRESS]` asks the service five times a second and writes
numbered entries of known checksum to its ledger, until SIGTERM; each line of FILE is a JSON object.
With an interface it also asks by ARP, once a second, who has ADDRESS.
`outside.py answers INTERFACE ADDRESS` prints the hardware addresses of all that answer an ARP
request for ADDRESS.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO
from urllib.parse import SplitResult, urlsplit

PROBE_EVERY = 0.2
PROBE_TIMEOUT = 0.8
LAST_PROBES = 5
WRITE_EVERY = 0.5
WRITE_TIMEOUT = 5.0
ARP_WAIT = 3.0
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


def exchange(
    url: SplitResult, method: str, path: str, timeout: float, body: bytes | None = None
) -> tuple[int | None, str | None]:
    """Make one HTTP request over a connection of its own; return status or an error's name."""
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=timeout)
    try:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        answer.read()
        return answer.status, None
    except (OSError, http.client.HTTPException) as error:
        return None, type(error).__name__
    finally:
        connection.close()


def every(seconds: float, action: Callable[[], object]) -> None:
    """Do something at a steady pace; what took longer than the pace is followed at once."""
    due = time.monotonic()
    while not stop.is_set():
        action()
        due = max(due + seconds, time.monotonic())
        stop.wait(due - time.monotonic())


def probe(url: SplitResult, log: TextIO) -> bool:
    """Ask for the page once; return whether it came."""
    begun = time.monotonic()
    status, error = exchange(url, "GET", "/", PROBE_TIMEOUT)
    note(log, "probe", begun, {"ok": status == 200, "status": status, "error": error})
    return status == 200


def ask_to_the_end(url: SplitResult, log: TextIO) -> None:
    """Probe until told to stop, and on until an answer: a late one is no outage at the end."""
    every(PROBE_EVERY, lambda: probe(url, log))
    for _ in range(LAST_PROBES):
        if probe(url, log):
            break
        time.sleep(PROBE_EVERY)


class Writer:
    """Writes one ledger entry after the other. A number is never used twice."""

    def __init__(self, url: SplitResult, log: TextIO, run: str) -> None:
        self.url, self.log, self.run, self.number = url, log, run, 0

    def write(self) -> None:
        """Write the next entry once; only an answer of 2xx is a promise."""
        self.number += 1
        entry = f"{self.run}-{self.number:06d}"
        body = json.dumps({"entry": entry, "noise": os.urandom(512).hex()}).encode()
        digest = hashlib.sha256(body).hexdigest()
        begun = time.monotonic()
        status, error = exchange(self.url, "PUT", f"/ledger/{entry}", WRITE_TIMEOUT, body)
        ok = status is not None and 200 <= status < 300
        facts = {"ok": ok, "entry": entry, "sha256": digest, "status": status, "error": error}
        note(self.log, "write", begun, facts)


def watch(address: str, path: str, run: str, interface: str = "", wanted: str = "") -> None:
    """Probe and write until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    url = urlsplit(address)
    with open(path, "w") as log:
        beside = [threading.Thread(target=every, args=(WRITE_EVERY, Writer(url, log, run).write))]
        if interface:
            glance = lambda: look(log, interface, wanted)  # noqa: E731
            beside.append(threading.Thread(target=every, args=(LOOK_EVERY, glance)))
        for thread in beside:
            thread.start()
        ask_to_the_end(url, log)
        for thread in beside:
            thread.join()


def look(log: TextIO, interface: str, address: str) -> None:
    """Note who answers for the address at this moment."""
    begun = time.monotonic()
    note(log, "arp", begun, {"hardware": sorted(holders(interface, address, LOOK_WAIT))})


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

"""Knocks on ports; runs wherever a bare python3 is: machines, the platform, a namespace.

Reads JSON from standard input: {"probes": [{"source", "target", "interface", "tcp", "udp"}...],
"patience": seconds}. Prints, for each probe, what a TCP connect met: {"open": [ports], "refused":
[ports]}; ports that stand in neither were silent. UDP is sent and not waited for.
"""

from __future__ import annotations

import contextlib
import errno
import json
import selectors
import socket
import sys
import time

# typing itself takes an emulated machine long to load.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Required, TypedDict

    class Probe(TypedDict, total=False):
        """Who knocks where, and at which ports."""

        source: Required[str]
        target: Required[str]
        interface: str | None
        tcp: list[int]
        udp: list[int]


AT_ONCE = 600
"""Connections under way at a time: below the usual limit of 1024 open files."""

PAUSE = 0.02
"""Seconds between two portions of UDP, so that no queue overflows."""

SO_BINDTODEVICE = 25


def bound(kind: socket.SocketKind, probe: Probe) -> socket.socket:
    """Return a socket that leaves by the wanted address and interface."""
    made = socket.socket(socket.AF_INET, kind)
    made.setblocking(False)
    interface = probe.get("interface")
    if interface:
        made.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode())
    made.bind((probe["source"], 0))
    return made


def connect(probes: list[Probe], patience: float) -> list[dict[str, list[int]]]:
    """Try to connect to every port of all probes; what is silent costs patience: they share it."""
    told: list[dict[str, list[int]]] = [{"open": [], "refused": []} for _ in probes]
    knocks = [
        (number, port) for number, probe in enumerate(probes) for port in probe.get("tcp", [])
    ]

    def judge(number: int, port: int, code: int) -> None:
        if code == 0:
            told[number]["open"].append(port)
        elif code == errno.ECONNREFUSED:
            told[number]["refused"].append(port)

    for begin in range(0, len(knocks), AT_ONCE):
        with selectors.DefaultSelector() as waiting:
            for number, port in knocks[begin : begin + AT_ONCE]:
                probe = probes[number]
                knock = bound(socket.SOCK_STREAM, probe)
                code = knock.connect_ex((probe["target"], port))
                if code == errno.EINPROGRESS:
                    waiting.register(knock, selectors.EVENT_WRITE, (number, port))
                else:
                    judge(number, port, code)
                    knock.close()
            deadline = time.monotonic() + patience
            while waiting.get_map() and time.monotonic() < deadline:
                for key, _ in waiting.select(deadline - time.monotonic()):
                    assert isinstance(key.fileobj, socket.socket)
                    number, port = key.data
                    judge(number, port, key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()
            for key in list(waiting.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
    return told


def send(probe: Probe) -> None:
    """Send one datagram to every port."""
    with bound(socket.SOCK_DGRAM, probe) as sender:
        for number, port in enumerate(probe.get("udp", []), start=1):
            # An answer that says "nobody here" is reported by the next call.
            with contextlib.suppress(OSError):
                sender.sendto(b"halab", (probe["target"], port))
            if number % 50 == 0:
                time.sleep(PAUSE)


def main() -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    for probe in asked["probes"]:
        send(probe)
    print(json.dumps(connect(asked["probes"], asked["patience"])))


if __name__ == "__main__":
    main()

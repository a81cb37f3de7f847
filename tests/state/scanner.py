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

AT_ONCE = 600
"""Connections under way at a time: below the usual limit of 1024 open files."""

PAUSE = 0.02
"""Seconds between two portions of UDP, so that no queue overflows."""

SO_BINDTODEVICE = 25


def bound(kind: socket.SocketKind, source: str, interface: str | None) -> socket.socket:
    """Return a socket that leaves by the wanted address and interface."""
    made = socket.socket(socket.AF_INET, kind)
    made.setblocking(False)
    if interface:
        made.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode())
    made.bind((source, 0))
    return made


def connect(
    source: str, target: str, interface: str | None, ports: list[int], patience: float
) -> dict[str, list[int]]:
    """Try to connect to every port."""
    found: dict[str, list[int]] = {"open": [], "refused": []}

    def judge(port: int, code: int) -> None:
        if code == 0:
            found["open"].append(port)
        elif code == errno.ECONNREFUSED:
            found["refused"].append(port)

    for begin in range(0, len(ports), AT_ONCE):
        with selectors.DefaultSelector() as waiting:
            for port in ports[begin : begin + AT_ONCE]:
                knock = bound(socket.SOCK_STREAM, source, interface)
                code = knock.connect_ex((target, port))
                if code == errno.EINPROGRESS:
                    waiting.register(knock, selectors.EVENT_WRITE, port)
                else:
                    judge(port, code)
                    knock.close()
            deadline = time.monotonic() + patience
            while waiting.get_map() and time.monotonic() < deadline:
                for key, _ in waiting.select(deadline - time.monotonic()):
                    assert isinstance(key.fileobj, socket.socket)
                    judge(key.data, key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()
            for key in list(waiting.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
    return found


def send(source: str, target: str, interface: str | None, ports: list[int]) -> None:
    """Send one datagram to every port."""
    with bound(socket.SOCK_DGRAM, source, interface) as sender:
        for number, port in enumerate(ports, start=1):
            # An answer that says "nobody here" is reported by the next call.
            with contextlib.suppress(OSError):
                sender.sendto(b"halab", (target, port))
            if number % 50 == 0:
                time.sleep(PAUSE)


def main() -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    answers = []
    for probe in asked["probes"]:
        way = probe["source"], probe["target"], probe.get("interface")
        send(*way, probe.get("udp", []))
        answers.append(connect(*way, probe.get("tcp", []), asked["patience"]))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()

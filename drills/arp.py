"""Asks by ARP who has an address; runs on the monitor, by itself or under the client outside.

`arp.py INTERFACE ADDRESS` prints the hardware addresses of all that answer a request for ADDRESS.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
import time

WAIT = 3.0
"""Seconds that answers are waited for."""


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
    print(json.dumps(sorted(holders(sys.argv[1], sys.argv[2], WAIT))))

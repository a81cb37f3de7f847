"""The cloud's clock at 169.254.169.123: this machine's time, by SNTP (RFC 4330)."""

from __future__ import annotations

import socket
import struct
import time

ADDRESS = ("169.254.169.123", 123)
SINCE_1900_S = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""
ANSWER = struct.Struct("!BBbb3I8s8s8s8s")
SERVER = 4
STRATUM = 1


def answer(request: bytes, now: float) -> bytes:
    """Return what the clock says; `now` is in seconds since 1970."""
    stamp = _stamp(now)
    version = request[0] & 0b00111000
    asked = request[40:48]
    return ANSWER.pack(version | SERVER, STRATUM, 4, -20, 0, 0, 0, stamp, asked, stamp, stamp)


def serve() -> None:
    """Answer for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(ADDRESS)
        while True:
            request, client = listening.recvfrom(1024)
            if len(request) >= ANSWER.size:
                listening.sendto(answer(request, time.time()), client)


def _stamp(now: float) -> bytes:
    seconds, fraction = divmod(now + SINCE_1900_S, 1)
    return struct.pack("!II", int(seconds), int(fraction * 2**32))

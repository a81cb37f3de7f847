"""DHCP as in a cloud: every interface is told its own address, by the router of its subnet.

RFC 2131, of which a client needs two answers: an offer, and that what it asks for is its own.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from rehearsal.wanted import Port, Subnet

SERVER, CLIENT = 67, 68
COOKIE = b"\x63\x82\x53\x63"
LEASE_S = 3600
"""As on AWS."""
CLOCK = IPv4Address("169.254.169.123")

DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
MESSAGE_TYPE = 53

FIXED = struct.Struct("!4BLHH4s4s4s4s16s64s128s4s")
"""The part of a message before its options (RFC 2131, figure 1), with the cookie."""


def answer(request: bytes, port: Port, subnet: Subnet) -> bytes | None:
    """Return what the router tells an interface; None when there is nothing to tell."""
    kind = options(request).get(MESSAGE_TYPE, b"\0")[0]
    replies = {DISCOVER: OFFER, REQUEST: ACK}
    if kind not in replies:
        return None
    _, hardware, length, _, exchange, _, _, *_ = FIXED.unpack_from(request)
    router = subnet.router.packed
    fields = FIXED.pack(
        *(2, hardware, length, 0, exchange, 0, 0),
        *(bytes(4), port.address.packed, router, bytes(4)),
        *(FIXED.unpack_from(request)[11], bytes(64), bytes(128), COOKIE),
    )
    told = {
        MESSAGE_TYPE: bytes([replies[kind]]),
        54: router,
        51: struct.pack("!L", LEASE_S),
        1: subnet.network.netmask.packed,
        3: router,
        42: CLOCK.packed,
    }
    listed = b"".join(bytes([code, len(value)]) + value for code, value in told.items())
    return fields + listed + b"\xff"


def options(message: bytes) -> dict[int, bytes]:
    """Return the options of a message by their code; raises ValueError for what is no DHCP."""
    if len(message) < FIXED.size or message[FIXED.size - 4 : FIXED.size] != COOKIE:
        raise ValueError("no DHCP message")
    found, at = {}, FIXED.size
    while at + 1 < len(message) and message[at] != 0xFF:
        code, length = message[at], message[at + 1]
        if code == 0:
            at += 1
            continue
        found[code] = message[at + 2 : at + 2 + length]
        at += 2 + length
    return found


def hardware_address(message: bytes) -> str:
    """Return the hardware address of whoever sent a message."""
    sender: bytes = FIXED.unpack_from(message)[11]
    return sender[:6].hex(":")


def serve(find: Callable[[str], tuple[Port, Subnet] | None]) -> None:
    """Answer for ever; `find` returns the interface with a hardware address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        listening.bind(("", SERVER))
        while True:
            _answer_next(listening, find)


def _answer_next(
    listening: socket.socket, find: Callable[[str], tuple[Port, Subnet] | None]
) -> None:
    request = listening.recv(4096)
    try:
        options(request)
    except ValueError:
        return
    found = find(hardware_address(request))
    said = answer(request, *found) if found else None
    if found and said:
        # By its bridge: to everybody there as long as it has no address.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaking:
            speaking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            speaking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            speaking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, found[0].bridge.encode())
            speaking.bind((str(found[1].router), SERVER))
            speaking.sendto(said, (_whereto(request), CLIENT))


def _whereto(request: bytes) -> str:
    """Return where a client listens: at its address, which it has when it renews a lease."""
    has = IPv4Address(FIXED.unpack_from(request)[7])
    return str(has) if has.packed != bytes(4) else "255.255.255.255"

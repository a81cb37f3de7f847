"""What instances ask their cloud: for an address, and for the time."""

from __future__ import annotations

import struct

import pytest

from rehearsal import clock, leases
from tests.unit.rehearsed import FIRST, SUBNETS


def message(kind: int, *, has: bytes = bytes(4)) -> bytes:
    sender = bytes.fromhex(FIRST.mac.replace(":", "")) + bytes(10)
    fixed = leases.FIXED.pack(
        *(1, 1, 6, 0, 4711, 0, 0, has, bytes(4), bytes(4), bytes(4)),
        *(sender, bytes(64), bytes(128), leases.COOKIE),
    )
    return fixed + bytes([leases.MESSAGE_TYPE, 1, kind, 0xFF])


@pytest.mark.parametrize(
    ("asked", "told"), [(leases.DISCOVER, leases.OFFER), (leases.REQUEST, leases.ACK)]
)
def test_an_interface_is_told_its_address_and_its_router(asked: int, told: int) -> None:
    request = message(asked)
    assert leases.hardware_address(request) == FIRST.mac

    said = leases.answer(request, FIRST, SUBNETS[0])

    assert said is not None
    fields = leases.FIXED.unpack_from(said)
    assert (fields[0], fields[4], fields[8]) == (2, 4711, FIRST.address.packed)
    options = leases.options(said)
    assert options[leases.MESSAGE_TYPE] == bytes([told])
    assert options[3] == bytes([10, 13, 0, 1])
    assert options[1] == bytes([255, 255, 255, 240])


def test_what_is_no_question_gets_no_answer() -> None:
    released = 7
    assert leases.answer(message(released), FIRST, SUBNETS[0]) is None
    with pytest.raises(ValueError):
        leases.options(b"something else")


def test_one_that_has_its_address_is_answered_there() -> None:
    assert leases._whereto(message(leases.REQUEST)) == "255.255.255.255"
    assert leases._whereto(message(leases.REQUEST, has=FIRST.address.packed)) == "10.13.0.4"


def test_the_clock_says_this_machine_s_time() -> None:
    request = bytes([0b00100011]) + bytes(39) + b"question"

    said = clock.ANSWER.unpack(clock.answer(request, 1.5))

    assert said[0] == 0b00100100
    assert said[8] == b"question"
    assert struct.unpack("!II", said[10]) == (clock.SINCE_1900_S + 1, 1 << 31)

"""A rehearsed cloud's networks, with real packets: who reaches whom, and where an address is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from core.wait import wait_until
from rehearsal import router
from rehearsal.filters import ruleset
from rehearsal.router import Router
from rehearsal.wanted import PUBLIC, Guest, Port
from tests.unit.namespaces import Namespace, holder, missing
from tests.unit.rehearsed import FIRST, FLOATING, SECOND, SUBNETS, wanted

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

USER = "203.0.113.7"
PORTS = (22, 80, 81)


class Cloud:
    """A router, and a namespace for each guest that listens on its port 80 and says its name."""

    def __init__(self, here: Namespace, guests: dict[Port, Namespace]) -> None:
        self.here, self.guests = here, guests
        self.router = Router(
            lambda lines: self._give("ip -batch -", lines + "\n"),
            lambda rules: self._give("nft -f -", rules),
        )

    def _give(self, program: str, text: str) -> None:
        self.here.run(program, stdin=text)

    def plug(self) -> None:
        """Put a cable between each guest and its bridge."""
        for port, guest in self.guests.items():
            network = next(each.network for each in SUBNETS if each.id == port.subnet)
            self.here.run(
                f"ip link add {port.device} type veth peer name eth0 netns {guest.pid} &&"
                f" ip link set {port.device} master {port.bridge} up"
            )
            guest.run(
                f"ip link set lo up && ip address add {port.address}/{network.prefixlen} dev eth0"
                " && ip link set eth0 up"
                f" && ip route add default via {network.network_address + 1}"
            )

    def ask(self, whence: Namespace, address: str, port: int = 80) -> str:
        """Return what answers; nothing when nobody does."""
        command = f"socat -T 3 - TCP:{address}:{port},connect-timeout=3 </dev/null 2>/dev/null"
        return whence.run(command, check=False).stdout.strip()

    def finds(self, whence: Namespace, address: str, port: Port, number: int = 80) -> None:
        """Wait until a guest answers there: on a busy machine it takes its time."""
        wait_until(
            lambda: self.ask(whence, address, number),
            lambda said: said == port.id,
            what=f"{port.id} to answer at {address}",
            timeout=60,
            interval=0.1,
        )


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with ExitStack() as stack:
        here = Namespace(stack.enter_context(holder()))
        guests = {port: Namespace(stack.enter_context(holder(here))) for port in (FIRST, SECOND)}
        made = Cloud(here, guests)
        here.run("ip link set lo up")
        here.run(f"sysctl -q -w {' '.join(f'net.ipv4.{each}' for each in router.SETTINGS)}")
        here.run(f"ip address add {USER}/32 dev lo && ip route add {PUBLIC} dev lo src {USER}")
        made.router.match(wanted())
        made.plug()
        for port, guest in guests.items():
            for number in PORTS:
                said = f"SYSTEM:echo {port.id}"
                listening = f"TCP-LISTEN:{number},fork,reuseaddr"
                process = subprocess.Popen(guest.words("socat", listening, said))
                stack.callback(process.wait)
                stack.callback(process.kill)
        for port, guest in guests.items():
            for number in PORTS:
                made.finds(guest, "127.0.0.1", port, number)
        yield made


def test_guests_reach_each_other_as_their_groups_say(cloud: Cloud) -> None:
    first, second = cloud.guests[FIRST], cloud.guests[SECOND]

    cloud.finds(first, "10.13.0.21", SECOND)
    cloud.finds(second, "10.13.0.4", FIRST)
    # No rule names this port.
    assert cloud.ask(first, "10.13.0.21", 81) == ""


def test_a_floating_address_is_where_the_route_leads(cloud: Cloud) -> None:
    address = str(FLOATING.network_address)
    for guest in cloud.guests.values():
        guest.run(f"ip address add {FLOATING} dev eth0")
    cloud.finds(cloud.here, address, FIRST)

    cloud.router.match(wanted(leads_to=SECOND.id))

    # AWS drops what is not for an interface's own address until its check is off.
    assert cloud.ask(cloud.here, address) == ""
    unchecked = replace(SECOND, checked=False)
    guests = (Guest("i-1", 8, {0: FIRST}), Guest("i-2", 8, {0: unchecked}))
    cloud.router.match(wanted(leads_to=SECOND.id, guests=guests))
    cloud.finds(cloud.here, address, SECOND)


def test_a_public_address_is_translated_and_lets_in_who_may(cloud: Cloud) -> None:
    cloud.finds(cloud.here, str(FIRST.public), FIRST, 22)
    # By its own address it is asked from its subnet, whose members may not.
    assert cloud.ask(cloud.here, "10.13.0.4", 22) == ""


def test_what_is_over_leaves_no_bridge_and_no_route(cloud: Cloud) -> None:
    cloud.router.match(wanted(guests=()))

    assert "eni" not in cloud.here.run("ip -br link").stdout
    assert "10.13" not in cloud.here.run("ip route show table all").stdout
    assert "40000" not in cloud.here.run("ip rule").stdout


def test_a_group_without_members_lets_nobody_in() -> None:
    alone = replace(FIRST, groups=("sg-other",))
    rules = ruleset(wanted(guests=(Guest("i-1", 8, {0: alone}),)))

    assert "dport" not in rules.replace("udp sport 67 udp dport 68", "").replace(
        "udp sport 68 udp dport 67", ""
    )

"""Segmentation: every machine, seen from every network, has exactly the documented ports.

Whoever can be somewhere knocks from there: the machines on all their networks, the platform, and
on a private hypervisor strangers who plug into each network with an address of their own. TCP is
judged from outside: what is dropped stays silent, what the firewall lets through answers, if only
to refuse. UDP says nothing, so a witness behind each firewall notes what came through. Ports that
have a name are tried from everywhere, the others once from each kind of place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from core.folders import LabFolder
from inventory.model import Inventory
from inventory.record import LabRecord
from labs.ports import Opening, Peer, Protocol
from labs.roles import NetworkRole
from machines.remote import Remote
from parts.services.base import ServicePart
from status.model import LabStatus
from tests.state.arp import answering_hardware
from tests.state.conftest import Inspected
from tests.state.knocking import Ports, answers, knock, shared
from tests.state.vantages import Way, machine_vantage, platform_vantages, with_floating
from tests.state.witness import FORWARDING_WITNESS, elements, heard, witness

pytestmark = pytest.mark.needs("firewall")

SPREAD = range(1025, 65536, 1009)
"""High ports that nobody names, all over the range."""

Row = tuple[Protocol, int]


@dataclass(frozen=True)
class Scan:
    """What was found: TCP ports that answered, those that accepted, UDP ports that passed."""

    answered: dict[Way, frozenset[int]]
    accepted: dict[Way, frozenset[int]]
    passed: dict[Way, frozenset[int]]


@pytest.fixture(scope="module")
def listening(inventory: Inventory, visit: Callable[[str], Inspected]) -> dict[str, frozenset[Row]]:
    """Return what each machine's kernel listens on, on addresses that others can reach."""
    return {machine.name: _listening(visit(machine.name)) for machine in inventory.machines}


@pytest.fixture(scope="module")
def scan(
    inventory: Inventory,
    folder: LabFolder,
    record: LabRecord,
    listening: dict[str, frozenset[Row]],
    status: LabStatus,
) -> Iterator[Scan]:
    named = {opening.port for opening in inventory.openings if opening.port is not None}
    named |= {port for rows in listening.values() for _, port in rows}
    others = Ports(tcp=(*range(1, 1025), *SPREAD), udp=(*range(1, 1025, 9), *SPREAD[::4]))
    with ExitStack() as stack:
        for machine in inventory.machines:
            stack.enter_context(witness(machine))
        vantages = [
            *(machine_vantage(inventory, machine, stack) for machine in inventory.machines),
            *platform_vantages(inventory, folder, record, stack),
        ]
        vantages = [with_floating(vantage, status.addresses) for vantage in vantages]
        ways = [way for vantage in vantages for way in vantage.ways]
        ports = shared(sorted(named), others, ways, _kind(inventory))
        # All at once would leave emulated machines no time for their cluster.
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda vantage: knock(vantage, ports.__getitem__), vantages))
        yield Scan(
            answered={way: answered for one in found for way, (answered, _) in one.items()},
            accepted={way: accepted for one in found for way, (_, accepted) in one.items()},
            passed=heard(inventory, ways),
        )


def test_every_tcp_port_that_answers_is_documented_and_no_other(
    scan: Scan, inventory: Inventory
) -> None:
    expected = {way: documented(inventory, way, Protocol.TCP) for way in scan.answered}
    wrong = {
        str(way): f"found {sorted(scan.answered[way])}, documented {sorted(expected[way])}"
        for way in scan.answered
        if scan.answered[way] != expected[way]
    }
    assert wrong == {}


def test_what_listens_behind_an_open_port_can_be_used(
    scan: Scan, inventory: Inventory, listening: dict[str, frozenset[Row]]
) -> None:
    for way, accepted in scan.accepted.items():
        usable = {
            port
            for port in documented(inventory, way, Protocol.TCP)
            if (Protocol.TCP, port) in listening[way.machine]
        }
        assert accepted == usable, str(way)


def test_every_udp_port_that_passes_is_documented_and_no_other(
    scan: Scan, inventory: Inventory
) -> None:
    wrong = {
        str(way): f"found {sorted(scan.passed[way])}, documented {sorted(expected)}"
        for way in scan.passed
        if scan.passed[way] != (expected := documented(inventory, way, Protocol.UDP))
    }
    assert wrong == {}


def test_everything_that_the_cluster_listens_on_is_in_the_table(
    inventory: Inventory, listening: dict[str, frozenset[Row]]
) -> None:
    for machine in inventory.machines:
        table = {
            (opening.protocol, opening.port)
            for opening in inventory.openings
            if opening.role is machine.role
        }
        assert listening[machine.name] <= table, machine.name


def test_a_scan_saw_every_network(scan: Scan, inventory: Inventory, record: LabRecord) -> None:
    seen = {(way.network, way.machine) for way in scan.answered}
    wanted = {(role, machine.name) for machine in inventory.machines for role in machine.interfaces}
    assert wanted - seen == set()
    if record.private:
        strangers = {way.network for way in scan.answered if way.seen_by == "a stranger"}
        assert strangers == {*NetworkRole} - {NetworkRole.REPLICATION}


def test_a_floating_address_exists_on_the_service_network_alone(
    inventory: Inventory, service: ServicePart, status: LabStatus, visit: Callable[[str], Inspected]
) -> None:
    ports = [22, service.service.port]
    for held in status.addresses:
        if held.service != service.service.name:
            continue
        assert answering_hardware(inventory, held.address, NetworkRole.SERVICE) != ()
        assert answering_hardware(inventory, held.address, NetworkRole.MANAGEMENT) == ()
        holder = visit(held.node)
        with Remote(inventory.monitor) as remote:
            # Even for somebody who knows which machine has it and sends it there.
            hardware = _hardware(holder)
            with _neighbour(remote, held.address, hardware, NetworkRole.MANAGEMENT) as way:
                assert answers(remote, {**way, "tcp": ports}) == set()
            own = holder.machine.interfaces[NetworkRole.MANAGEMENT].address.ip
            direct = {**way, "target": str(own)}
            assert answers(remote, {**direct, "tcp": [22]}) == {22}


def test_no_machine_forwards(inventory: Inventory, visit: Callable[[str], Inspected]) -> None:
    """A packet for another network's address, sent to a node's door, gets no further."""
    door, beyond, *_ = inventory.nodes
    foreign = beyond.interfaces[NetworkRole.CLUSTER_A].address.ip
    own = beyond.interfaces[NetworkRole.MANAGEMENT].address.ip
    port = 9
    with witness(beyond, FORWARDING_WITNESS), Remote(inventory.monitor) as remote:
        hardware = _hardware(visit(door.name))
        with _neighbour(remote, foreign, hardware, NetworkRole.MANAGEMENT) as way:
            answers(remote, {**way, "udp": [port] * 3})
            answers(remote, {**way, "target": str(own), "udp": [port] * 3})
        with Remote(beyond) as target:
            arrived = {
                (there, at) for _, there, at in elements(target, FORWARDING_WITNESS, "arrived")
            }
    assert (str(own), port) in arrived, "the witness saw nothing at all"
    assert (str(foreign), port) not in arrived
    assert visit(door.name).output("cat /proc/sys/net/ipv4/ip_forward").strip() == "0"


def documented(inventory: Inventory, way: Way, protocol: Protocol) -> frozenset[int]:
    """Return the ports that the table opens for whoever goes this way."""
    role = inventory.machine(way.machine).role
    return frozenset(
        opening.port
        for opening in inventory.openings
        if (opening.role, opening.network, opening.protocol) == (role, way.network, protocol)
        and opening.port is not None
        and _may(inventory, way.peer, opening)
    )


def _kind(inventory: Inventory) -> Callable[[Way], object]:
    """Return what tells a way from others: who knocks, where, at which role, at its own address."""
    own = {nic.address.ip for machine in inventory.machines for nic in machine.interfaces.values()}
    return lambda way: (
        way.peer,
        way.network,
        inventory.machine(way.machine).role,
        way.target in own,
    )


def _may(inventory: Inventory, peer: Peer, opening: Opening) -> bool:
    unknown_platform = Peer.PLATFORM in opening.peers and inventory.firewall.platform is None
    return unknown_platform or Peer.ANYBODY in opening.peers or peer in opening.peers


def _listening(machine: Inspected) -> frozenset[Row]:
    rows = set()
    for line in machine.output("ss --no-header --numeric --listening --tcp --udp").splitlines():
        protocol, _, _, _, local = line.split()[:5]
        address, _, port = local.rpartition(":")
        if not address.startswith(("127.", "[::1]")):
            rows.add((Protocol(protocol), int(port)))
    return frozenset(rows)


def _hardware(machine: Inspected) -> str:
    name = machine.machine.interfaces[NetworkRole.MANAGEMENT].name
    return machine.output(f"cat /sys/class/net/{name}/address").strip()


@contextmanager
def _neighbour(
    remote: Remote, address: IPv4Address, hardware: str, network: NetworkRole
) -> Iterator[dict[str, object]]:
    """Make a machine believe that an address is behind this hardware on one of its networks."""
    interface = remote.machine.interfaces[network]
    words = f"{address} dev {interface.name}"
    remote.run(f"ip neigh replace {words} lladdr {hardware} nud permanent")
    try:
        yield {
            "source": str(interface.address.ip),
            "target": str(address),
            "interface": interface.name,
        }
    finally:
        remote.run(f"ip neigh delete {words}")

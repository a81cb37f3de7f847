"""Segmentation: every machine, seen from every network, has exactly the documented ports.

Whoever can be somewhere knocks from there: the machines on all their networks, the platform, and
on a private hypervisor strangers who plug into each network with an address of their own. TCP is
judged from outside: what is dropped stays silent, what the firewall lets through answers, if only
to refuse. UDP says nothing, so a witness behind each firewall notes what came through.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from core.command import run
from core.folders import LabFolder
from hypervisor.private import ENTER
from inventory.model import Inventory, Machine
from inventory.record import LabRecord
from labs.ports import Opening, Peer, Protocol
from labs.roles import INTERFACE_NAMES, MachineRole, NetworkRole
from machines.remote import Remote
from tests.state.arp import answering_hardware
from tests.state.conftest import Inspected

SCANNER = (Path(__file__).with_name("scanner.py")).read_text()

PATIENCE_S = 2.5
"""Long enough for a lost packet's second chance, which Linux gives after 1 s."""

WITNESS = "inet halab_witness"
FORWARDING_WITNESS = "inet halab_forwarding_witness"
"""Tables of the tests' own."""

SPREAD = range(1025, 65536, 1009)
"""High ports that nobody names, all over the range."""

PEERS = {MachineRole.NODE: Peer.NODE, MachineRole.MONITOR: Peer.MONITOR}

Row = tuple[Protocol, int]


@dataclass(frozen=True)
class Way:
    """One address of a machine, seen by somebody from one network."""

    seen_by: str
    peer: Peer
    source: IPv4Address
    network: NetworkRole
    machine: str
    target: IPv4Address

    def __str__(self) -> str:
        return f"{self.machine} ({self.target}) from {self.seen_by} on {self.network}"


@dataclass(frozen=True)
class Scan:
    """What was found: TCP ports that answered, those that accepted, UDP ports that passed."""

    answered: dict[Way, frozenset[int]]
    accepted: dict[Way, frozenset[int]]
    passed: dict[Way, frozenset[int]]


@dataclass(frozen=True)
class Vantage:
    """Somebody who knocks; `execute` runs a command there with this standard input."""

    ways: tuple[Way, ...]
    execute: Callable[[list[str], str], str]


@pytest.fixture(scope="module", autouse=True)
def firewalled(inventory: Inventory) -> None:
    if not inventory.firewall.enabled:
        pytest.skip("this lab's definition says that it has no firewall")


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
    active: Inspected,
) -> Iterator[Scan]:
    named = {opening.port for opening in inventory.openings if opening.port is not None}
    named |= {port for rows in listening.values() for _, port in rows}
    tcp = sorted(named | {*range(1, 1025), *SPREAD})
    udp = sorted(named | {*range(1, 1025, 9), *SPREAD[::4]})
    with ExitStack() as stack:
        for machine in inventory.machines:
            stack.enter_context(_witness(machine))
        vantages = [
            *(_machine_vantage(inventory, machine, stack) for machine in inventory.machines),
            *_platform_vantages(inventory, folder, record, stack),
        ]
        vantages = [_with_floating(vantage, inventory, active.machine) for vantage in vantages]
        with ThreadPoolExecutor(len(vantages)) as pool:
            found = list(pool.map(lambda vantage: _knock(vantage, tcp, udp), vantages))
        ways = [way for vantage in vantages for way in vantage.ways]
        yield Scan(
            answered={way: answers for one in found for way, (answers, _) in one.items()},
            accepted={way: accepted for one in found for way, (_, accepted) in one.items()},
            passed=_testimony(inventory, ways),
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


def test_the_floating_address_exists_on_the_service_network_alone(
    inventory: Inventory, active: Inspected
) -> None:
    floating = inventory.service.address.ip
    assert answering_hardware(inventory, NetworkRole.SERVICE) != ()
    assert answering_hardware(inventory, NetworkRole.MANAGEMENT) == ()
    ports = [22, inventory.service.port]
    with Remote(inventory.monitor) as remote:
        # Even for somebody who knows which machine has it and sends it there.
        with _neighbour(remote, floating, _hardware(active), NetworkRole.MANAGEMENT) as way:
            assert _answers(remote, {**way, "tcp": ports}) == set()
        own = active.machine.interfaces[NetworkRole.MANAGEMENT].address.ip
        direct = {**way, "target": str(own)}
        assert _answers(remote, {**direct, "tcp": [22]}) == {22}


def test_no_machine_forwards(inventory: Inventory, visit: Callable[[str], Inspected]) -> None:
    """A packet for another network's address, sent to a node's door, gets no further."""
    door, beyond = inventory.nodes
    foreign = beyond.interfaces[NetworkRole.CLUSTER_A].address.ip
    own = beyond.interfaces[NetworkRole.MANAGEMENT].address.ip
    port = 9
    with _witness(beyond, FORWARDING_WITNESS), Remote(inventory.monitor) as remote:
        hardware = _hardware(visit(door.name))
        with _neighbour(remote, foreign, hardware, NetworkRole.MANAGEMENT) as way:
            _answers(remote, {**way, "udp": [port] * 3})
            _answers(remote, {**way, "target": str(own), "udp": [port] * 3})
        with Remote(beyond) as target:
            arrived = {
                (there, at) for _, there, at in _elements(target, FORWARDING_WITNESS, "arrived")
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


def _may(inventory: Inventory, peer: Peer, opening: Opening) -> bool:
    unknown_platform = Peer.PLATFORM in opening.peers and inventory.firewall.platform is None
    return unknown_platform or Peer.ANYBODY in opening.peers or peer in opening.peers


def _targets(inventory: Inventory, network: NetworkRole, but: str) -> list[tuple[str, IPv4Address]]:
    """Return the machines on a network and their addresses there."""
    return [
        (machine.name, machine.interfaces[network].address.ip)
        for machine in inventory.machines
        if network in machine.interfaces and machine.name != but
    ]


def _ways(
    inventory: Inventory, name: str, peer: Peer, sources: dict[NetworkRole, IPv4Address]
) -> tuple[Way, ...]:
    return tuple(
        Way(name, peer, source, network, machine, target)
        for network, source in sources.items()
        for machine, target in _targets(inventory, network, name)
    )


def _with_floating(vantage: Vantage, inventory: Inventory, active: Machine) -> Vantage:
    """Add the floating address where its holder is seen on the service network."""
    floating = inventory.service.address.ip
    added = tuple(
        replace(way, target=floating)
        for way in vantage.ways
        if (way.network, way.machine) == (NetworkRole.SERVICE, active.name)
    )
    return replace(vantage, ways=(*vantage.ways, *added))


def _machine_vantage(inventory: Inventory, machine: Machine, stack: ExitStack) -> Vantage:
    remote = stack.enter_context(Remote(machine))
    sources = {role: nic.address.ip for role, nic in machine.interfaces.items()}
    return Vantage(
        ways=_ways(inventory, machine.name, PEERS[machine.role], sources),
        execute=lambda words, text: remote.run(shlex.join(words), stdin=text, timeout=600).stdout,
    )


def _platform_vantages(
    inventory: Inventory, folder: LabFolder, record: LabRecord, stack: ExitStack
) -> list[Vantage]:
    """Return the platform's own view and, where its networks are ours to enter, strangers'.

    Somebody else's libvirt may be on another host: halab's connections prove that ssh is open to
    it, and the machines' own views are complete all the same.
    """
    platform = inventory.firewall.platform
    if not record.private or platform is None:
        return []

    def execute(words: list[str], text: str) -> str:
        return run(_inside(folder, words), stdin=text, timeout=600).stdout

    strangers: dict[NetworkRole, IPv4Address] = {}
    for network in NetworkRole:
        if network is NetworkRole.REPLICATION:
            continue
        stack.enter_context(_plugged_in(folder, inventory, network, strangers))
    platforms = {NetworkRole.MANAGEMENT: platform}
    return [
        Vantage(_ways(inventory, "the platform", Peer.PLATFORM, platforms), execute),
        Vantage(_ways(inventory, "a stranger", Peer.ANYBODY, strangers), execute),
    ]


def _inside(folder: LabFolder, words: Sequence[str]) -> list[str]:
    """Return the command that runs another inside the networks of the private hypervisor."""
    target = (folder.hypervisor / "inside.pid").read_text().strip()
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    return ["nsenter", "--target", target, *user, *ENTER.split(), "--", *words]


@contextmanager
def _plugged_in(
    folder: LabFolder,
    inventory: Inventory,
    network: NetworkRole,
    strangers: dict[NetworkRole, IPv4Address],
) -> Iterator[None]:
    """Give the hypervisor's end of a network an address that nobody in the lab knows."""
    subnet = inventory.nodes[0].interfaces[network].address.network
    taken = {address for _, address in _targets(inventory, network, "")}
    taken |= {inventory.service.address.ip, subnet.broadcast_address - 1}
    free = next(
        address
        for back in range(2, subnet.num_addresses)
        if (address := subnet.broadcast_address - back) not in taken
    )
    bridge = f"br-{INTERFACE_NAMES[network]}"
    words = [f"{free}/{subnet.prefixlen}", "dev", bridge]
    run(_inside(folder, ["ip", "address", "add", *words]))
    strangers[network] = free
    try:
        yield
    finally:
        run(_inside(folder, ["ip", "address", "delete", *words]))


def _knock(
    vantage: Vantage, tcp: Sequence[int], udp: Sequence[int]
) -> dict[Way, tuple[frozenset[int], frozenset[int]]]:
    probes = [
        {"source": str(way.source), "target": str(way.target), "tcp": tcp, "udp": udp}
        for way in vantage.ways
    ]
    asked = json.dumps({"probes": probes, "patience": PATIENCE_S})
    told = json.loads(vantage.execute(["python3", "-I", "-S", "-c", SCANNER], asked))
    return {
        way: (frozenset({*one["open"], *one["refused"]}), frozenset(one["open"]))
        for way, one in zip(vantage.ways, told, strict=True)
    }


@contextmanager
def _witness(machine: Machine, table: str = WITNESS) -> Iterator[None]:
    """Note what arrives at a machine, and what its firewall has let through."""
    text = f"""table {table} {{
        set arrived {{ type ipv4_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }}
        set passed {{ type ipv4_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }}
        chain arriving {{
            type filter hook prerouting priority -300;
            meta l4proto udp add @arrived {{ ip saddr . ip daddr . udp dport }}
        }}
        chain passing {{
            type filter hook input priority 10;
            ct state new meta l4proto udp add @passed {{ ip saddr . ip daddr . udp dport }}
        }}
    }}"""
    with Remote(machine) as remote:
        remote.run("nft --file -", stdin=f"table {table}\ndelete table {table}\n{text}\n")
        try:
            yield
        finally:
            remote.run(f"nft delete table {table}")


def _elements(remote: Remote, table: str, name: str) -> list[tuple[str, str, int]]:
    told = json.loads(remote.run(f"nft --json list set {table} {name}").stdout)
    [made] = [item["set"] for item in told["nftables"] if "set" in item]
    return [tuple(element["concat"]) for element in made.get("elem", ())]


def _testimony(inventory: Inventory, ways: Sequence[Way]) -> dict[Way, frozenset[int]]:
    seen = {}
    for machine in inventory.machines:
        with Remote(machine) as remote:
            seen[machine.name] = _elements(remote, WITNESS, "passed")
    return {
        way: frozenset(
            port
            for source, target, port in seen[way.machine]
            if (source, target) == (str(way.source), str(way.target))
        )
        for way in ways
    }


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


def _answers(remote: Remote, probe: dict[str, object]) -> set[int]:
    asked = json.dumps({"probes": [probe], "patience": PATIENCE_S})
    [one] = json.loads(
        remote.run(shlex.join(["python3", "-I", "-S", "-c", SCANNER]), stdin=asked).stdout
    )
    return {*one["open"], *one["refused"]}

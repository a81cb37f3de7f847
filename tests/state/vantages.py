"""Who can be somewhere in a lab: the machines, the platform, and strangers who plug in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from core.command import run
from core.folders import LabFolder
from hypervisor.private import ENTER
from inventory.model import Inventory, Machine
from inventory.record import LabRecord
from labs.ports import Peer
from labs.roles import INTERFACE_NAMES, MachineRole, NetworkRole
from machines.remote import Remote
from status.model import AddressStatus

PEERS = {MachineRole.NODE: Peer.NODE, MachineRole.MONITOR: Peer.MONITOR}


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
class Vantage:
    """Somebody who knocks; `execute` runs a command there with this standard input."""

    ways: tuple[Way, ...]
    execute: Callable[[list[str], str], str]


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


def with_floating(vantage: Vantage, held: Sequence[AddressStatus]) -> Vantage:
    """Add the floating addresses where their holders are seen on the service network."""
    added = tuple(
        replace(way, target=floating.address)
        for floating in held
        for way in vantage.ways
        if (way.network, way.machine) == (NetworkRole.SERVICE, floating.node)
    )
    return replace(vantage, ways=(*vantage.ways, *added))


def machine_vantage(inventory: Inventory, machine: Machine, stack: ExitStack) -> Vantage:
    """Return what a machine sees of the others, on all its networks."""
    remote = stack.enter_context(Remote(machine))
    sources = {role: nic.address.ip for role, nic in machine.interfaces.items()}
    return Vantage(
        ways=_ways(inventory, machine.name, PEERS[machine.role], sources),
        execute=lambda words, text: remote.run(shlex.join(words), stdin=text, timeout=600).stdout,
    )


def platform_vantages(
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
    taken |= {each.ip for service in inventory.services for each in service.addresses}
    taken.add(subnet.broadcast_address - 1)
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

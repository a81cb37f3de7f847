"""Who is who in a lab: machine numbers, hardware addresses, interface addresses.

A node's number is its place in the definition. The monitor's comes after those of all the nodes
that a lab can have, so that it stays when nodes come and go. A machine's number ends each of its
addresses, and it is a node's id in corosync.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from labs.model import Lab
from labs.roles import CABLED, INTERFACE_NAMES, NETWORKS_OF, MachineRole, NetworkRole
from labs.subnets import last_address
from labs.tables.machines import MONITOR_NUMBER

MAC_PREFIX = "52:54:00:0a"
"""52:54:00 is what QEMU and libvirt give to guests."""

MAC_NETWORKS = {role: octet for octet, role in enumerate(CABLED)}
"""The fifth octet. Replication has no hardware of its own: it is a bond over both cluster NICs."""


@dataclass(frozen=True)
class MachinePlan:
    """One machine to make. Sizes are in MiB; `data_disks` are those of its own, by storage.

    Disks that nodes share are not among them.
    """

    name: str
    role: MachineRole
    number: int
    cpus: int
    memory_mib: int
    data_disks: dict[str, int]


@dataclass(frozen=True)
class NicPlan:
    """One interface inside a machine; `mac` is None where it stands on other interfaces."""

    name: str
    mac: str | None
    address: IPv4Interface


def machines(lab: Lab) -> tuple[MachinePlan, ...]:
    """Return all machines, by number."""
    nodes, monitor = lab.nodes, lab.monitor
    plans = [
        MachinePlan(
            name=name,
            role=MachineRole.NODE,
            number=number,
            cpus=nodes.cpus,
            memory_mib=nodes.memory_mib,
            data_disks={
                each.name: each.size_mib
                for each in lab.storage
                if each.replicated and name in each.nodes
            },
        )
        for number, name in enumerate(nodes.names, start=1)
    ]
    plans.append(
        MachinePlan(
            name=monitor.name,
            role=MachineRole.MONITOR,
            number=MONITOR_NUMBER,
            cpus=monitor.cpus,
            memory_mib=monitor.memory_mib,
            data_disks={},
        )
    )
    return tuple(plans)


def interfaces(lab: Lab, machine: MachinePlan) -> dict[NetworkRole, NicPlan]:
    """Return a machine's interfaces, in the order in which it gets them."""
    return {role: _interface(lab, machine.number, role) for role in NETWORKS_OF[machine.role]}


def hypervisor_address(lab: Lab) -> IPv4Address:
    """Return the platform's own address on the management network, .254 in a /24."""
    return last_address(lab.networks.management)


def _interface(lab: Lab, number: int, role: NetworkRole) -> NicPlan:
    network = MAC_NETWORKS.get(role)
    carrier = lab.platform.carrier(role)
    return NicPlan(
        name=INTERFACE_NAMES[carrier],
        mac=None if network is None else f"{MAC_PREFIX}:{network:02x}:{number:02x}",
        address=lab.interface(carrier, number),
    )

"""Networks and machines of a lab, whatever platform makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

import pulumi

from labs.addressing import MachinePlan, hypervisor_address, interfaces, machines
from labs.model import Lab
from labs.roles import CABLED, MachineRole, NetworkRole


@dataclass(frozen=True)
class NetworkArgs:
    """One network; `gateway` is the platform's own address on it, None for an isolated network."""

    role: NetworkRole
    subnet: IPv4Network
    gateway: IPv4Address | None


@dataclass(frozen=True)
class Nic:
    """One network interface of a machine: which network, which hardware address."""

    network: pulumi.Input[str]
    mac: str


@dataclass(frozen=True)
class MachineArgs:
    """One machine. `boot_arguments` tell the guest its name, addresses and trusted ssh key.

    `shared_disks` are the ids of disks that others have too, by what the guest calls them.
    """

    plan: MachinePlan
    nics: tuple[Nic, ...]
    boot_arguments: tuple[tuple[str, str], ...]
    shared_disks: Mapping[str, pulumi.Input[str]]


class Platform(Protocol):
    """The seam between a lab and whoever makes its machines. Every method returns an id."""

    @property
    def fencing_disks(self) -> Mapping[str, int]:
        """Return disks, in MiB, over which nodes fence each other; none where the platform does."""
        ...

    def network(self, args: NetworkArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make a network."""
        ...

    def shared_disk(self, name: str, size_mib: int, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make a disk that several machines can write at once."""
        ...

    def machine(self, args: MachineArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make and start a machine with its own disks."""
        ...


class Network(pulumi.ComponentResource):
    """One of the lab's segmented networks."""

    def __init__(self, args: NetworkArgs, platform: Platform, parent: pulumi.Resource) -> None:
        super().__init__(
            "halab:lab:Network", args.role.value, opts=pulumi.ResourceOptions(parent=parent)
        )
        self.network_id = platform.network(args, self)
        self.register_outputs({"network_id": self.network_id, "subnet": str(args.subnet)})


class Machine(pulumi.ComponentResource):
    """A cluster node or the monitor, with its disks and network interfaces."""

    def __init__(self, args: MachineArgs, platform: Platform, parent: pulumi.Resource) -> None:
        super().__init__(
            "halab:lab:Machine", args.plan.name, opts=pulumi.ResourceOptions(parent=parent)
        )
        self.machine_id = platform.machine(args, self)
        self.register_outputs({"machine_id": self.machine_id, "role": args.plan.role.value})


class Cluster(pulumi.ComponentResource):
    """All networks and machines of one lab."""

    def __init__(self, lab: Lab, platform: Platform, authorized_key: str) -> None:
        super().__init__("halab:lab:Cluster", lab.name)
        self.networks = {role: Network(network_args(lab, role), platform, self) for role in CABLED}
        shared = {each.name: each.size_mib for each in lab.storage if not each.replicated}
        self.shared_disks = {
            name: platform.shared_disk(name, size_mib, self)
            for name, size_mib in {**shared, **platform.fencing_disks}.items()
        }
        self.machines = {
            plan.name: Machine(self._machine_args(lab, plan, authorized_key), platform, self)
            for plan in machines(lab)
        }
        self.register_outputs({})

    def _machine_args(self, lab: Lab, plan: MachinePlan, authorized_key: str) -> MachineArgs:
        nics = interfaces(lab, plan)
        return MachineArgs(
            plan=plan,
            nics=tuple(
                Nic(self.networks[role].network_id, nic.mac)
                for role, nic in nics.items()
                if nic.mac is not None
            ),
            boot_arguments=boot_arguments(lab, plan, authorized_key),
            shared_disks=self.shared_disks if plan.role is MachineRole.NODE else {},
        )


def network_args(lab: Lab, role: NetworkRole) -> NetworkArgs:
    """Describe one network; only management is reachable from the platform's side."""
    gateway = hypervisor_address(lab) if role is NetworkRole.MANAGEMENT else None
    return NetworkArgs(role=role, subnet=lab.networks.subnet(role), gateway=gateway)


def boot_arguments(lab: Lab, plan: MachinePlan, authorized_key: str) -> tuple[tuple[str, str], ...]:
    """Tell a guest who it is, as kernel command line pairs that its early network unit reads.

    Nothing about others: a machine that comes or goes would make all of them anew.
    """
    pairs = [("systemd.hostname", plan.name), ("halab.key", authorized_key.split()[1])]
    for nic in interfaces(lab, plan).values():
        if nic.mac is not None:
            pairs.append(("halab.nic", f"{nic.mac},{nic.name},{nic.address}"))
        else:
            pairs.append(("halab.bond", f"{nic.name},cla+clb,100,{nic.address}"))
    return tuple(pairs)

"""What software needs to know of machines, whoever made them: halab or a person by hand."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from labs.ports import Opening, openings
from labs.roles import MachineRole, NetworkRole
from labs.tables import Allow
from labs.timing import Timing

HOST_KEY = r"^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$"
"""A public key as it stands in a .pub file, without the comment."""


class Frozen(BaseModel):
    """Immutable, and an error on every key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ssh(Frozen):
    """How to reach a machine; `proxy_command` leads into a private hypervisor's network.

    `host_key` is the only key that the machine may show: its type and base64 blob, as in a .pub
    file. Without it, the first key that it shows is kept in `known_hosts`.
    """

    host: str
    port: int = 22
    user: str = "root"
    key_file: Path
    known_hosts: Path
    host_key: Annotated[str, Field(pattern=HOST_KEY)] | None = None
    proxy_command: str | None = None


class Interface(Frozen):
    """A network interface inside a machine and its static address."""

    name: str
    address: IPv4Interface


class Machine(Frozen):
    """One machine: a cluster node or the monitor. `number` is its corosync node id."""

    name: str
    role: MachineRole
    number: int
    interfaces: dict[NetworkRole, Interface]
    ssh: Ssh


class Disks(Frozen):
    """Device paths inside every node: the fencing disk they share and the replicated disk."""

    sbd: str = "/dev/disk/by-id/virtio-sbd"
    data: str = "/dev/disk/by-id/virtio-data"


class Service(Frozen):
    """What clients use: the floating address on the service network and its TCP port."""

    address: IPv4Interface
    port: int = 80


class Firewall(Frozen):
    """Whether machines drop what `labs.ports` does not list, and what else they let in.

    `platform` is the address that halab's own connections come from on the management network.
    Where it is unknown, ssh is open to everybody who reaches that network.
    """

    enabled: bool = True
    platform: IPv4Address | None = None
    allow: tuple[Allow, ...] = ()


class Monitoring(Frozen):
    """Zabbix on the monitor. `interval_s` is the time between two readings of a node.

    Without it, halab chooses what suits the machines' pace.
    """

    interval_s: int | None = None


class Inventory(Frozen):
    """The machines of one lab and what the cluster on them shall be."""

    version: Literal[1] = 1
    lab: str
    machines: tuple[Machine, ...]
    disks: Disks = Disks()
    service: Service
    firewall: Firewall = Firewall()
    timing: Timing = Timing()
    monitoring: Monitoring | None = Monitoring()
    """None for a lab without."""

    @property
    def nodes(self) -> tuple[Machine, ...]:
        """The cluster nodes, by number."""
        found = (m for m in self.machines if m.role is MachineRole.NODE)
        return tuple(sorted(found, key=lambda machine: machine.number))

    @property
    def monitor(self) -> Machine:
        """The machine that carries the quorum device and stands outside the cluster."""
        return next(m for m in self.machines if m.role is MachineRole.MONITOR)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """Everything that a firewall lets through, on all machines."""
        return openings(
            self.service.port,
            monitoring=self.monitoring is not None,
            extra=(entry.opening for entry in self.firewall.allow),
        )

    @property
    def observe_every_s(self) -> int:
        """Seconds between two readings of a node by the monitoring."""
        chosen = self.monitoring.interval_s if self.monitoring else None
        return chosen or self.timing.observe_every_s

    def machine(self, name: str) -> Machine:
        """Return the machine with this name; raises KeyError when there is none."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise KeyError(name)

"""A lab for the provisioning tests: its inventory, facts of its machines, and a local "machine"."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any, cast

from core.errors import CommandError
from inventory.model import Interface, Inventory, Machine, Service, Ssh
from labs.roles import INTERFACE_NAMES, MachineRole, NetworkRole
from labs.timing import Timing
from machines.remote import Remote, Result
from provisioning.facts import Facts, Unit, UnitState

SUBNETS = {
    NetworkRole.MANAGEMENT: "10.10.0",
    NetworkRole.CLUSTER_A: "10.20.1",
    NetworkRole.CLUSTER_B: "10.20.2",
    NetworkRole.SERVICE: "10.30.0",
    NetworkRole.REPLICATION: "10.20.9",
}


def machine(name: str, number: int, role: MachineRole) -> Machine:
    """Describe a machine as halab's own platform makes it."""
    return Machine(
        name=name,
        role=role,
        number=number,
        interfaces={
            network: Interface(
                name=INTERFACE_NAMES[network], address=IPv4Interface(f"{prefix}.{number}/24")
            )
            for network, prefix in SUBNETS.items()
            if role is MachineRole.NODE or network is not NetworkRole.REPLICATION
        },
        ssh=Ssh(host=f"10.10.0.{number}", key_file=Path("key"), known_hosts=Path("known_hosts")),
    )


def inventory(*, port: int = 80, **timing: int) -> Inventory:
    """Describe a lab of two nodes and a monitor."""
    return Inventory(
        lab="demo",
        machines=(
            machine("node1", 1, MachineRole.NODE),
            machine("node2", 2, MachineRole.NODE),
            machine("monitor", 3, MachineRole.MONITOR),
        ),
        service=Service(address=IPv4Interface("10.30.0.100/24"), port=port),
        timing=Timing.model_validate(timing),
    )


def facts(*, runs: bool, **changes: Any) -> Facts:
    """Return a node's facts: freshly booted, or in a cluster that runs as it should."""
    state = UnitState(active=runs, enabled=runs)
    stopped = UnitState(active=False, enabled=False)
    base: dict[str, Any] = {
        "system": "debian 13",
        "hostname": "node1",
        "packages": frozenset(),
        "units": {u: stopped if u in (Unit.NGINX, Unit.DRBD) else state for u in Unit},
        "notes": {"replication": "demo"} if runs else {},
        "corosync_conf": "",
        "fencing_disk": FENCING_DISK if runs else "",
    }
    return Facts(**{**base, **changes})


FENCING_DISK = """==Dumping header on disk /dev/disk/by-id/virtio-sbd
Header version     : 2.1
UUID               : 9a4a6d3f-5a3c-4f6b-9d4e-0e4f6a2d7b11
Number of slots    : 255
Sector size        : 512
Timeout (watchdog) : 5
Timeout (allocate) : 2
Timeout (loop)     : 1
Timeout (msgwait)  : 10
==Header on disk /dev/disk/by-id/virtio-sbd is dumped
"""


class ThisMachine:
    """Stands in for a Remote: commands run here, as they would there."""

    name = "here"

    def run(
        self,
        command: str,
        *,
        check: bool = True,
        timeout: float = 60.0,
        stdin: str | None = None,
    ) -> Result:
        """Run shell text."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise CommandError(command, status=done.returncode, stderr=done.stderr, host=self.name)
        return Result(done.stdout, done.stderr, done.returncode)


def this_machine() -> Remote:
    """Return this machine under the type that provisioning expects."""
    return cast(Remote, ThisMachine())

"""The lab's machines as testinfra hosts: `node` runs a test once for every node.

`any_machine` runs it for every machine; `service` and `storage` for each that the lab has, and
`copy` for each replica.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from testinfra import get_host
from testinfra.host import Host

from core.command import run
from inventory.known_hosts import write_known_hosts
from inventory.model import Inventory, Machine
from parts.all import Parts
from parts.seen import Seen
from parts.services.base import ServicePart
from parts.storage.base import StoragePart
from parts.storage.drbd import Drbd
from parts.storage.gfs2 import Gfs2
from parts.storage.shared import SharedDisk
from status.collect import Observer
from status.model import LabStatus
from tests.conftest import lab_inventory


@dataclasses.dataclass(frozen=True)
class Inspected:
    """A machine of the inventory and a testinfra host that leads to it."""

    machine: Machine
    host: Host

    def output(self, command: str) -> str:
        """Return what a command prints; the test fails with its errors when it fails."""
        done = self.host.run(command)
        assert done.rc == 0, f"{self.machine.name}: {command}: {done.stderr}"
        return str(done.stdout)


class Copy(NamedTuple):
    """A node that has a replica of some storage, and that storage."""

    node: Inspected
    replica: Drbd


@pytest.fixture(scope="session")
def visit(inventory: Inventory) -> Iterator[Callable[[str], Inspected]]:
    """Return a function that gives a machine by its name."""
    # Not pytest's folder: the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="halab-") as name:
        write_known_hosts(inventory)
        config = Path(name) / "config"
        config.write_text("".join(ssh_entry(machine, name) for machine in inventory.machines))
        yield _visitor(inventory, config)
        for machine in inventory.machines:
            run(["ssh", "-F", config, "-O", "exit", machine.name], check=False)


def _visitor(inventory: Inventory, config: Path) -> Callable[[str], Inspected]:

    def get(name: str) -> Inspected:
        machine = inventory.machine(name)
        host = get_host(
            f"ssh://{name}",
            ssh_config=str(config),
            sudo=machine.ssh.user != "root",
            timeout=30 * inventory.timing.pace,
        )
        return Inspected(machine, host)

    return get


def ssh_entry(machine: Machine, sockets: str) -> str:
    """Describe a machine to OpenSSH; the person's own configuration is not read.

    All commands share one connection: in emulation a new one costs 3 s.
    """
    ssh = machine.ssh
    lines = [
        f"Host {machine.name}",
        f"HostName {ssh.host}",
        f"HostKeyAlias {ssh.host}",
        f"Port {ssh.port}",
        f"User {ssh.user}",
        f'IdentityFile "{ssh.key_file}"',
        "IdentitiesOnly yes",
        f'UserKnownHostsFile "{ssh.known_hosts}"',
        f"StrictHostKeyChecking {'accept-new' if ssh.host_key is None else 'yes'}",
        "LogLevel ERROR",
        f"ControlPath {sockets}/%C",
    ]
    if ssh.proxy_command:
        lines.append(f"ProxyCommand {ssh.proxy_command}")
    return "\n".join(lines) + "\n"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    inventory = lab_inventory(metafunc.config)
    if "node" in metafunc.fixturenames:
        names = [node.name for node in inventory.nodes]
        metafunc.parametrize("node", names, indirect=True, scope="session")
    if "any_machine" in metafunc.fixturenames:
        names = [machine.name for machine in inventory.machines]
        metafunc.parametrize("any_machine", names, indirect=True, scope="session")
    if "service" in metafunc.fixturenames:
        names = [each.name for each in inventory.services]
        metafunc.parametrize("service", names, indirect=True, scope="session")
    parts = Parts(inventory)
    kept: dict[str, Iterable[str]] = {
        "storage": parts.storage,
        "replica": parts.replicas,
        "shared_disk": parts.shared_disks,
        "cluster_filesystem": parts.cluster_filesystems,
    }
    if "copy" in metafunc.fixturenames:
        copies = [(name, each) for name, part in parts.replicas.items() for each in part.carriers]
        words = [f"{name} on {node}" for name, node in copies]
        metafunc.parametrize("copy", copies, indirect=True, scope="session", ids=words)
    for kind, found in kept.items():
        if kind in metafunc.fixturenames:
            metafunc.parametrize(kind, list(found), indirect=True, scope="session")


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest, visit: Callable[[str], Inspected]) -> Inspected:
    return visit(request.param)


@pytest.fixture(scope="session")
def any_machine(request: pytest.FixtureRequest, visit: Callable[[str], Inspected]) -> Inspected:
    return visit(request.param)


@pytest.fixture(scope="session")
def service(request: pytest.FixtureRequest, parts: Parts) -> ServicePart:
    return parts.services[request.param]


@pytest.fixture(scope="session")
def storage(request: pytest.FixtureRequest, parts: Parts) -> StoragePart:
    return parts.storage[request.param]


@pytest.fixture(scope="session")
def replica(request: pytest.FixtureRequest, parts: Parts) -> Drbd:
    return parts.replicas[request.param]


@pytest.fixture(scope="session")
def copy(request: pytest.FixtureRequest, parts: Parts, visit: Callable[[str], Inspected]) -> Copy:
    name, node = request.param
    return Copy(visit(node), parts.replicas[name])


@pytest.fixture(scope="session")
def shared_disk(request: pytest.FixtureRequest, parts: Parts) -> SharedDisk:
    return parts.shared_disks[request.param]


@pytest.fixture(scope="session")
def cluster_filesystem(request: pytest.FixtureRequest, parts: Parts) -> Gfs2:
    return parts.cluster_filesystems[request.param]


@pytest.fixture(scope="session")
def monitor(inventory: Inventory, visit: Callable[[str], Inspected]) -> Inspected:
    return visit(inventory.monitor.name)


@pytest.fixture(scope="session", autouse=True)
def watched_since(monitor: Inspected) -> float:
    """Return when the first of these tests began, by the monitor's clock (s since 1970)."""
    return clock_of(monitor)


def clock_of(machine: Inspected) -> float:
    return float(machine.output("date +%s.%N"))


@pytest.fixture(scope="session")
def observed(inventory: Inventory) -> tuple[LabStatus, Seen]:
    """Return one look at the lab, for the tests that only need its status."""
    with Observer(inventory) as observer:
        return observer.read_both()


@pytest.fixture(scope="session")
def status(observed: tuple[LabStatus, Seen]) -> LabStatus:
    return observed[0]


@pytest.fixture(scope="session")
def seen(observed: tuple[LabStatus, Seen]) -> Seen:
    return observed[1]

"""A file server: what it exports to whom, which NFS it speaks, and where it keeps its records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory.model import Inventory
from labs.roles import NetworkRole
from parts.all import Parts
from parts.seen import Seen
from parts.services.nfs import GRACE_S, LEASE_S, VERSIONS, Nfs
from status.model import LabStatus
from tests.state.conftest import Inspected

pytestmark = pytest.mark.needs("nfs")

Visit = Callable[[str], Inspected]

MOUNT = "mount -t nfs4 -o vers=4.2,soft,timeo=50,retrans=1,retry=0"


@pytest.fixture
def part(parts: Parts) -> Nfs:
    return parts.file_servers[0]


@pytest.fixture
def server(part: Nfs, status: LabStatus, visit: Visit) -> Inspected:
    (serving,) = status.service(part.service.name).nodes
    return visit(serving)


@pytest.fixture
def place(part: Nfs) -> str:
    return f"{part.service.addresses[0].ip}:{part.folder}"


def test_one_node_serves_and_lets_the_monitor_in_alone(
    part: Nfs, seen: Seen, server: Inspected
) -> None:
    found = part.served(seen)
    assert [name for name, served in found.items() if served.threads] == [server.machine.name]
    assert found[server.machine.name].exports == {(part.folder, str(part.client))}


def test_nfs_4_is_spoken_alone(part: Nfs, seen: Seen, server: Inspected) -> None:
    assert part.served(seen)[server.machine.name].versions <= VERSIONS


def test_nothing_of_older_versions_listens(node: Inspected) -> None:
    for port in (111, 20048):
        assert not node.host.socket(f"tcp://0.0.0.0:{port}").is_listening
    for unit in Nfs.left_alone:
        assert node.host.run(f"systemctl is-enabled --quiet {unit}").rc != 0, unit


def test_a_silent_client_is_waited_for_as_long_as_the_budget_says(server: Inspected) -> None:
    for name, wanted in (("nfsv4leasetime", LEASE_S), ("nfsv4gracetime", GRACE_S)):
        assert int(server.output(f"cat /proc/fs/nfsd/{name}")) == wanted


def test_records_of_clients_are_on_the_storage(part: Nfs, server: Inspected) -> None:
    files = server.output("ls -l /proc/$(pidof nfsdcld)/fd")
    assert f"{part.records}/main.sqlite" in files
    holder = server.output(f"findmnt --noheadings --output TARGET --target {part.records}")
    assert part.storage is not None
    assert holder.strip() == part.storage.mount_point


def test_nothing_of_it_keeps_the_storage_of_the_other_nodes(
    part: Nfs, inventory: Inventory, server: Inspected, visit: Visit
) -> None:
    for node in inventory.nodes:
        if node.name != server.machine.name:
            assert visit(node.name).host.run("pidof nfsdcld rpc.mountd fsidd").rc != 0


def test_the_agent_leaves_the_server_to_systemd(node: Inspected) -> None:
    """With the package's script it would look at no thread, and stop no daemon."""
    assert node.host.run("test -x /etc/init.d/nfs-kernel-server").rc != 0


def test_nobody_but_the_monitor_can_mount(
    inventory: Inventory, server: Inspected, place: str, visit: Visit
) -> None:
    for node in inventory.nodes:
        if node.name != server.machine.name:
            tried = visit(node.name).host.run(f"{MOUNT} {place} /mnt")
            assert tried.rc != 0
            assert "denied" in tried.stderr or "No such file" in tried.stderr, tried.stderr


def test_the_monitor_writes_and_is_nobody_there(
    part: Nfs, server: Inspected, place: str, monitor: Inspected
) -> None:
    assert monitor.machine.interfaces[NetworkRole.SERVICE].address.ip == part.client
    text = f"{MOUNT} {place} /mnt; echo made >/mnt/ledger/state-test; umount /mnt"
    monitor.output(f"unshare --mount sh -ec '{text}'")
    try:
        assert server.output(f"stat --format %U {part.ledger}/state-test").strip() == "nobody"
    finally:
        server.output(f"rm -f {part.ledger}/state-test")


def test_the_server_knows_of_a_clients_lock(
    part: Nfs, server: Inspected, place: str, monitor: Inspected
) -> None:
    """Whoever mounts it once more is another client to the server, and is refused."""
    held = (
        f"{MOUNT},nosharecache {place} /mnt; mkdir /run/other; "
        f"{MOUNT},nosharecache {place} /run/other; "
        "exec 9>>/mnt/lock; flock 9; "
        "flock --nonblock --conflict-exit-code 7 /run/other/lock true || echo refused with $?"
    )
    try:
        told = monitor.output(f"unshare --mount sh -c '{held}'")
        assert told.strip() == "refused with 7"
    finally:
        monitor.output("rmdir /run/other 2>/dev/null; :")

"""Services: data mounted at one node, every address at its own, and the monitor is answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drills.ledger import clear_ledger, compare, read_ledger
from drills.probes import new_run, probing
from inventory.model import Inventory
from labs.roles import NetworkRole
from parts.all import Parts
from parts.services.base import ServicePart
from parts.storage.base import StoragePart
from status.model import LabStatus
from tests.state.arp import answering_hardware
from tests.state.conftest import Inspected

Visit = Callable[[str], Inspected]


@pytest.mark.needs("storage")
def test_who_serves_has_the_filesystem_and_nobody_else(
    status: LabStatus, inventory: Inventory, parts: Parts, storage: StoragePart, visit: Visit
) -> None:
    [user] = [part for part in parts.services.values() if part.storage == storage.storage]
    serving = status.service(user.service.name).nodes
    assert len(serving) == (len(inventory.nodes) if storage.storage.together else 1)
    for node in inventory.nodes:
        mount = visit(node.name).host.mount_point(storage.storage.mount_point)
        assert mount.exists == (node.name in serving), node.name
        if mount.exists:
            assert (mount.device, mount.filesystem) == (storage.device, storage.fstype)


@pytest.mark.needs("storage")
def test_no_node_mounts_it_by_itself(node: Inspected, storage: StoragePart) -> None:
    assert storage.storage.mount_point not in node.output("cat /etc/fstab")


def test_every_address_is_at_one_node_at_its_own_where_it_has_one(
    status: LabStatus, inventory: Inventory, service: ServicePart
) -> None:
    held = [(h.address, h.node) for h in status.addresses if h.service == service.service.name]
    wanted = [address.ip for address in service.service.addresses]
    assert [address for address, _ in held] == wanted
    for address, node in held:
        assert node == inventory.homes(service.service).get(address, node)


def test_one_network_card_answers_for_each_address(
    status: LabStatus, inventory: Inventory, service: ServicePart, visit: Visit
) -> None:
    for held in status.addresses:
        if held.service == service.service.name:
            holder = visit(held.node)
            interface = holder.machine.interfaces[NetworkRole.SERVICE].name
            own = holder.output(f"cat /sys/class/net/{interface}/address").strip()
            assert answering_hardware(inventory, held.address) == (own,)


def test_servers_listen_where_they_shall_and_nowhere_else(
    status: LabStatus, inventory: Inventory, service: ServicePart, visit: Visit
) -> None:
    serving = status.service(service.service.name).nodes
    assert len(serving) == (len(inventory.nodes) if service.service.everywhere else 1)
    for node in inventory.nodes:
        listening = visit(node.name).host.socket(f"tcp://0.0.0.0:{service.service.port}")
        assert listening.is_listening == (node.name in serving), node.name


def test_the_monitor_is_answered_at_every_address(monitor: Inspected, service: ServicePart) -> None:
    for address in service.service.addresses:
        monitor.output(service.question(address.ip))


@pytest.mark.needs("nginx")
def test_a_page_says_whose_it_is(monitor: Inspected, inventory: Inventory, parts: Parts) -> None:
    part = parts.first_service
    for address, node in zip(part.service.addresses, inventory.nodes, strict=False):
        page = monitor.output(f"curl --silent --fail --max-time 10 {part.url(address.ip)}")
        assert inventory.lab in page
        assert (f"from {node.name}." in page) == part.service.everywhere


@pytest.mark.needs("ledger")
def test_what_a_client_writes_is_on_the_disk(
    status: LabStatus, inventory: Inventory, parts: Parts
) -> None:
    part = parts.first_service
    # Where all nodes serve, any of them has all of it.
    serving, *_ = status.service(part.service.name).nodes
    node = inventory.machine(serving)
    with probing(part, new_run()) as probe:
        try:
            books = compare(probe.stop(), read_ledger(part, node, probe.run))
        finally:
            clear_ledger(part, node, probe.run)
    assert books.complete, books

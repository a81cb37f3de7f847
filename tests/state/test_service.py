"""The service: one mount, one address, one web server, and the monitor is answered."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator

import pytest

from inventory.model import Inventory
from labs.roles import NetworkRole
from parts.storage.drbd import MOUNT_POINT
from status.model import LabStatus
from status.reading import service_url
from tests.state.arp import answering_hardware
from tests.state.conftest import Inspected


def test_only_the_active_node_has_the_filesystem(active: Inspected, passive: Inspected) -> None:
    mount = active.host.mount_point(MOUNT_POINT)
    assert mount.exists
    assert (mount.device, mount.filesystem) == ("/dev/drbd0", "ext4")
    assert not passive.host.mount_point(MOUNT_POINT).exists


def test_no_node_mounts_it_by_itself(node: Inspected) -> None:
    assert MOUNT_POINT not in node.output("cat /etc/fstab")


def test_only_the_active_node_has_the_address(
    status: LabStatus, active: Inspected, inventory: Inventory
) -> None:
    assert [(held.address, held.node) for held in status.addresses] == [
        (inventory.service.address.ip, active.machine.name)
    ]


def test_one_network_card_answers_for_the_address(active: Inspected, inventory: Inventory) -> None:
    interface = active.machine.interfaces[NetworkRole.SERVICE].name
    own = active.output(f"cat /sys/class/net/{interface}/address").strip()
    assert answering_hardware(inventory) == (own,)


def test_only_the_active_node_serves(
    active: Inspected, passive: Inspected, inventory: Inventory
) -> None:
    listening = f"tcp://0.0.0.0:{inventory.service.port}"
    assert active.host.socket(listening).is_listening
    assert not passive.host.socket(listening).is_listening


def test_the_monitor_is_answered(monitor: Inspected, inventory: Inventory) -> None:
    page = monitor.output(f"curl -sf -m 10 {service_url(inventory)}")
    assert inventory.lab in page


@pytest.fixture
def entry(active: Inspected) -> Iterator[str]:
    name = f"state-{secrets.token_hex(4)}"
    yield name
    active.host.run(f"rm -f {MOUNT_POINT}/www/ledger/{name}")


def test_what_a_client_writes_is_on_the_replicated_disk(
    monitor: Inspected, active: Inspected, inventory: Inventory, entry: str
) -> None:
    text = secrets.token_hex(64)
    url = f"{service_url(inventory)}ledger/{entry}"
    code = monitor.output(
        f"printf %s {text} | curl -s -m 20 -o /dev/null -w '%{{http_code}}' -T - {url}"
    )
    assert code == "201"
    stored = active.output(f"sha256sum {MOUNT_POINT}/www/ledger/{entry}").split()[0]
    assert stored == hashlib.sha256(text.encode()).hexdigest()

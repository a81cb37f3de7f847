"""Replication: both disks in step, fencing on the level of the data, the corrected handler."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from inventory.model import Inventory
from labs.roles import NetworkRole
from parts.all import Parts
from parts.host import program
from parts.storage.drbd import Drbd
from status.model import LabStatus
from tests.state.conftest import Copy, Inspected

pytestmark = pytest.mark.needs("drbd")


def test_both_disks_are_in_step(status: LabStatus, inventory: Inventory, replica: Drbd) -> None:
    disks = status.replication[replica.storage.name]
    assert tuple(disks) == replica.carriers
    for disk in disks.values():
        assert (disk.connection, disk.disk, disk.peer_disk, disk.out_of_sync) == (
            "Connected",
            "UpToDate",
            "UpToDate",
            0,
        )
    assert sorted(disk.role for disk in disks.values()) == ["Primary", "Secondary"]


def test_the_kernel_runs_with_what_protects_the_data(copy: Copy) -> None:
    node, replica = copy
    assert re.search(r"fencing\s+resource-and-stonith;", _shown(node, replica))
    assert re.search(r"cram-hmac-alg\s+\"sha256\";", _shown(node, replica))
    configured = _configured(node, replica)
    assert re.search(r"protocol\s+C;", configured)
    assert re.search(r"on-io-error\s+detach;", configured)


def test_it_runs_over_the_replication_network(copy: Copy, inventory: Inventory) -> None:
    node, replica = copy
    shown = _shown(node, replica)
    for machine in inventory.carriers(replica.storage):
        address = machine.interfaces[NetworkRole.REPLICATION].address.ip
        assert f"{address}:{replica.storage.port}" in shown


def test_its_secret_is_readable_for_root_alone(copy: Copy) -> None:
    node, replica = copy
    file = node.host.file(replica.configuration)
    assert (file.user, file.mode & 0o077) == ("root", 0)


def test_the_module_is_drbd_8_4(copy: Copy) -> None:
    assert copy.node.output("cat /sys/module/drbd/version").startswith("8.4.")


def test_the_handler_is_the_corrected_one(copy: Copy) -> None:
    node, replica = copy
    handler = _handler(node, replica)
    text = node.output(f"cat {handler}")
    # The stock script takes the state of the controller for the one of the join.
    assert not re.search(r"^\s*\[\[ \$crmd = \"banned\" \]\]", text, re.MULTILINE)
    assert re.search(r"\$join = \"banned\"", text)


def test_the_handler_judges_living_and_dead_peers_rightly(copy: Copy) -> None:
    node, replica = copy
    done = node.host.run(f"set -- {_handler(node, replica)}\n{program('check_fence_handler.sh')}")
    assert done.rc == 0, done.stderr


@pytest.mark.needs("bystander")
def test_a_node_without_a_copy_has_nothing_of_it_and_was_never_asked(
    inventory: Inventory, parts: Parts, replica: Drbd, visit: Callable[[str], Inspected]
) -> None:
    [user] = [part for part in parts.services.values() if part.storage == replica.storage]
    known = {replica.storage.instance, *(each.id for each in parts.members(user.service))}
    for name in sorted({node.name for node in inventory.nodes} - set(replica.carriers)):
        node = visit(name)
        assert not node.host.file(replica.configuration).exists, name
        assert not node.host.file(replica.storage.disk).exists, name
        # What the cluster ever did or asked on a node stands in its state.
        path = f"//node_state[@uname='{name}']//lrm_resource"
        asked = node.output(f'cibadmin --query --xpath "{path}"')
        assert not known & set(re.findall(r'<lrm_resource id="([^":]+)', asked)), name


def _configured(node: Inspected, replica: Drbd) -> str:
    """Return the configuration without its secret: a failed assertion would show it."""
    return node.output(f"drbdadm dump {replica.storage.resource} | grep -v shared-secret")


def _shown(node: Inspected, replica: Drbd) -> str:
    """Return what the kernel runs with; values that are DRBD's defaults are not among it."""
    return node.output(f"drbdsetup show {replica.minor} | grep -v shared-secret")


def _handler(node: Inspected, replica: Drbd, event: str = "fence-peer") -> str:
    found = re.search(rf'{event}\s+"?(\S+?)[\s";]', _configured(node, replica))
    assert found, f"no {event} handler"
    return found[1]

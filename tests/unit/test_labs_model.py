"""A minimal definition is a whole lab; addresses follow from its networks."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

import pytest

from labs.addressing import hypervisor_address, interfaces, machines
from labs.model import Lab
from labs.roles import INTERFACE_NAMES, MachineRole, NetworkRole
from labs.tables.libvirt import Libvirt


def lab(**tables: Any) -> Lab:
    """Return a lab that says only this."""
    return Lab.model_validate({"version": 1, "name": "small", **tables})


def test_version_and_name_are_enough() -> None:
    minimal = lab()
    assert minimal.nodes.names == ("node1", "node2")
    assert minimal.services[0].addresses == (IPv4Address("10.30.0.100"),)
    assert minimal.services[0].settings.port == 80
    assert minimal.platform == Libvirt()


def test_nodes_count_from_one_and_the_monitor_s_number_is_always_the_same() -> None:
    named = lab(nodes={"names": ["anna", "berta"], "memory_mib": 2048}, monitor={"name": "guard"})
    anna, berta, guard = machines(named)
    assert [(m.name, m.number) for m in (anna, berta, guard)] == [
        ("anna", 1),
        ("berta", 2),
        ("guard", 9),
    ]
    assert (anna.role, guard.role) == (MachineRole.NODE, MachineRole.MONITOR)
    assert (anna.memory_mib, anna.data_disks) == (2048, {"data": 512})
    assert (guard.memory_mib, guard.data_disks) == (1024, {})


def test_a_nodes_interfaces() -> None:
    small = lab()
    nics = interfaces(small, machines(small)[1])
    assert list(nics) == list(NetworkRole)
    assert {role: nic.name for role, nic in nics.items()} == INTERFACE_NAMES
    assert nics[NetworkRole.CLUSTER_B].mac == "52:54:00:0a:02:02"
    assert nics[NetworkRole.CLUSTER_B].address == IPv4Interface("10.20.2.2/24")
    assert nics[NetworkRole.REPLICATION].mac is None
    assert nics[NetworkRole.REPLICATION].address == IPv4Interface("10.20.9.2/24")


def test_the_monitor_stands_outside_the_cluster() -> None:
    small = lab()
    nics = interfaces(small, machines(small)[2])
    assert list(nics) == [NetworkRole.MANAGEMENT, NetworkRole.SERVICE]
    assert nics[NetworkRole.MANAGEMENT].mac == "52:54:00:0a:00:09"


def test_no_two_interfaces_share_a_hardware_or_network_address() -> None:
    small = lab()
    nics = [nic for machine in machines(small) for nic in interfaces(small, machine).values()]
    macs = [nic.mac for nic in nics if nic.mac]
    assert len(macs) == len(set(macs)) == 10
    assert len({nic.address.ip for nic in nics}) == len(nics) == 12


def test_the_last_address_of_the_management_network_is_the_platforms() -> None:
    assert hypervisor_address(lab()) == IPv4Address("10.10.0.254")
    wide = lab(networks={"management": "172.20.0.0/16"})
    assert hypervisor_address(wide) == IPv4Address("172.20.255.254")


def test_addresses_move_with_their_networks() -> None:
    moved = lab(networks={"service": "192.168.7.16/28"})
    assert moved.networks.subnet(NetworkRole.SERVICE) == IPv4Network("192.168.7.16/28")
    assert moved.services[0].addresses == (IPv4Address("192.168.7.29"),)
    nics = interfaces(moved, machines(moved)[0])
    assert nics[NetworkRole.SERVICE].address == IPv4Interface("192.168.7.17/28")


@pytest.mark.parametrize(
    ("pace", "accelerated", "expected"),
    [
        ("auto", True, 1),
        ("auto", False, 4),
        ("kvm", False, 1),
        ("emulation", True, 4),
        (7, True, 7),
        (7, False, 7),
    ],
)
def test_the_pace_is_the_machines_unless_somebody_sets_it(
    pace: str | int, accelerated: bool, expected: int
) -> None:
    assert lab(platform={"pace": pace}).timing(accelerated).pace == expected


def test_a_profile_is_a_start_and_single_keys_win() -> None:
    timing = lab(timing={"profile": "slow-host", "token_ms": 4000}).timing(accelerated=True)
    assert (timing.token_ms, timing.watchdog_s, timing.msgwait_s) == (4000, 10, 20)


def test_monitoring_has_a_short_form() -> None:
    assert lab().monitoring.enabled
    assert not lab(monitoring=False).monitoring.enabled
    assert lab(monitoring={"interval_s": 20}).monitoring.interval_s == 20

"""Machines: packages, services, networks, clocks."""

from __future__ import annotations

import json
import re

import pytest

from inventory.model import Inventory
from labs.roles import INTERFACE_NAMES, NetworkRole
from parts.all import Parts
from provisioning.packages import wanted
from status.model import LabStatus
from tests.state.conftest import Inspected

CLOCK_OFFSET_S = 0.25
"""What machines may disagree: a twentieth of the shortest watchdog."""


def test_debian_13(any_machine: Inspected) -> None:
    info = any_machine.host.system_info
    assert (info.distribution, info.release.split(".")[0]) == ("debian", "13")


def test_name_and_boot_id_are_its_own(any_machine: Inspected, status: LabStatus) -> None:
    name = any_machine.machine.name
    assert any_machine.output("uname -n").strip() == name
    boot_id = any_machine.output("cat /proc/sys/kernel/random/boot_id").strip()
    assert [node.name for node in status.nodes if node.boot_id == boot_id] == [name]


def test_packages(any_machine: Inspected, parts: Parts) -> None:
    names = wanted(parts, any_machine.machine.role)
    listed = any_machine.host.run(
        f"dpkg-query --show --showformat '${{Package}} ${{db:Status-Abbrev}}\\n' {' '.join(names)}"
    )
    assert listed.stdout.count(" ii") == len(names), listed.stderr


def test_services_run_and_come_back_after_a_boot(any_machine: Inspected, parts: Parts) -> None:
    for name in {
        unit
        for part in parts.on(any_machine.machine.role)
        for unit in part.units(any_machine.machine.role)
    }:
        unit = any_machine.host.service(name)
        assert unit.is_running, f"{name} does not run"
        assert unit.is_enabled, f"{name} does not start at boot"


def test_the_firewall_stands_before_the_network(
    any_machine: Inspected, inventory: Inventory
) -> None:
    unit = any_machine.host.service("halab-firewall")
    assert unit.is_enabled == unit.is_running == inventory.firewall.enabled
    if inventory.firewall.enabled:
        earlier = any_machine.output("systemctl show --property Before --value halab-firewall")
        assert {"network-pre.target", "ssh.service"} <= set(earlier.split())


def test_what_the_cluster_starts_does_not_start_by_itself(node: Inspected, parts: Parts) -> None:
    for unit in {name for part in parts.every for name in part.strangers(node.machine.role)}:
        # testinfra knows no answer for a unit that is masked.
        enabled = node.host.run(f"systemctl is-enabled --quiet {unit}")
        assert enabled.rc != 0, f"{unit} is enabled"


def test_no_unit_has_failed(any_machine: Inspected) -> None:
    assert any_machine.output("systemctl --failed --plain --no-legend").strip() == ""


def test_addresses_are_where_the_inventory_says(any_machine: Inspected) -> None:
    told = json.loads(any_machine.output("ip -json -4 address"))
    found = {
        (link["ifname"], f"{address['local']}/{address['prefixlen']}")
        for link in told
        for address in link.get("addr_info", ())
    }
    for interface in any_machine.machine.interfaces.values():
        assert (interface.name, str(interface.address)) in found


def test_replication_has_two_paths(node: Inspected) -> None:
    name = node.machine.interfaces[NetworkRole.REPLICATION].name
    if not node.host.file(f"/proc/net/bonding/{name}").exists:
        pytest.fail(f"{name} is not a bond")
    bond = node.output(f"cat /proc/net/bonding/{name}")
    assert "Bonding Mode: fault-tolerance (broadcast)" in bond
    members = re.findall(r"^Slave Interface: (\S+)\nMII Status: (\S+)$", bond, re.MULTILINE)
    below = {
        link.split("@")[0]: link.split("@")[1]
        for link in re.findall(r"^\d+: (\S+?@\S+?):", node.output("ip -o link"), re.MULTILINE)
    }
    assert {status for _, status in members} == {"up"}
    assert {below[member] for member, _ in members} == {
        INTERFACE_NAMES[NetworkRole.CLUSTER_A],
        INTERFACE_NAMES[NetworkRole.CLUSTER_B],
    }


def test_clocks_follow_the_monitor(node: Inspected, inventory: Inventory) -> None:
    # Since the lab was frozen it listens anew, for some ten seconds.
    told = node.output("chronyc waitsync 30 0 0 1 >/dev/null && chronyc -c tracking")
    tracking = told.strip().split(",")
    source, offset = tracking[1], abs(float(tracking[4]))
    management = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    assert source in (str(management), inventory.monitor.name)
    assert offset < CLOCK_OFFSET_S

"""Daemons come back where they were, however they died."""

from __future__ import annotations

import pytest

from inventory.model import Inventory
from labs.roles import MachineRole
from parts.all import Parts
from parts.facts import COROSYNC, PACEMAKER
from parts.fencing import sbd
from parts.host import UNITS, Link
from parts.monitoring import agent, server
from parts.quorum import device
from parts.services import galera
from parts.storage.volumes import BLOCK_DEVICES
from parts.system import firewall, reserve
from tests.unit.delivered import content, files
from tests.unit.planned_lab import OFFERED, planned
from tests.unit.provisioned_lab import inventory

LAB = inventory()
NODE, MONITOR = MachineRole.NODE, MachineRole.MONITOR


def drop_ins(lab: Inventory, role: MachineRole) -> dict[str, str]:
    machine = lab.monitor if role is MONITOR else lab.nodes[0]
    return {
        path.removeprefix(f"{UNITS}/").partition(".d/")[0]: content(path, lab, machine)
        for path in files(lab, machine)
        if path.endswith("/halab-daemon.conf")
    }


LEFT_TO_OTHERS = {
    # Pacemaker's own unit and fail-fast decide about these.
    COROSYNC, PACEMAKER, sbd.UNIT,
    # No processes of their own.
    reserve.UNIT, firewall.UNIT, galera.ROOM_UNIT, agent.COLLECTOR_TIMER, server.DATABASE,
    BLOCK_DEVICES,
}  # fmt: skip


@pytest.mark.parametrize("role", list(MachineRole))
@pytest.mark.parametrize("name", OFFERED)
def test_every_daemon_is_started_again_however_often_it_dies(name: str, role: MachineRole) -> None:
    lab = planned(name, accelerated=True)
    units = {unit for part in Parts(lab).on(role) for unit in part.units(role)} - LEFT_TO_OTHERS
    found = drop_ins(lab, role)
    assert units and units <= found.keys()
    for text in found.values():
        assert "StartLimitIntervalSec=0\n" in text
        assert "RestartSec=1\n" in text
        assert "Restart=" in text
        assert "KillMode=mixed\n" in text


def test_the_database_itself_is_started_again_not_what_stands_for_it() -> None:
    found = drop_ins(LAB, MONITOR)
    assert "Restart=always" in found["postgresql@17-main.service"]
    assert set(server.UNITS) - {server.DATABASE} <= set(found)


def test_a_quorum_device_that_ended_well_does_not_start_corosync_again() -> None:
    assert "Restart=on-failure\n" in drop_ins(LAB, NODE)[device.CLIENT]
    assert COROSYNC not in drop_ins(LAB, NODE)


def test_a_lab_without_monitoring_is_told_nothing_of_it() -> None:
    found = drop_ins(inventory(monitoring=False), MONITOR)
    assert not [unit for unit in found if "zabbix" in unit or "php" in unit]


def test_nobody_runs_without_the_room_that_is_kept_for_it() -> None:
    node = LAB.nodes[1]
    text = content(reserve.SERVICE, LAB, node)
    assert "Before=corosync.service pacemaker.service\n" in text
    assert "ExecStart=/usr/local/lib/halab/reserve 2\n" in text
    links = [file for file in files(LAB, node).values() if isinstance(file, Link)]
    assert {link.path for link in links if link.target == reserve.SERVICE} == {
        f"{UNITS}/corosync.service.requires/halab-reserve.service",
        f"{UNITS}/pacemaker.service.requires/halab-reserve.service",
    }

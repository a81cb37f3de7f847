"""Daemons come back where they were, however they died."""

from __future__ import annotations

import pytest

from labs.roles import MachineRole
from provisioning import daemons, reserve
from provisioning.facts import Unit
from provisioning.files import File, Link
from provisioning.units import FOLDER
from provisioning.zabbix import server
from tests.unit.provisioned_lab import inventory

LAB = inventory()
NODE, MONITOR = MachineRole.NODE, MachineRole.MONITOR


def drop_ins(role: MachineRole) -> dict[str, str]:
    return {
        file.path.removeprefix(f"{FOLDER}/").partition(".d/")[0]: file.data.decode()
        for file in daemons.files(LAB, role)
    }


LEFT_TO_OTHERS = {
    # Pacemaker's own unit and fail-fast decide about these.
    Unit.COROSYNC, Unit.PACEMAKER, Unit.SBD,
    # No processes of their own.
    Unit.RESERVE, Unit.FIREWALL, Unit.DRBD, Unit.COLLECTOR, Unit.POSTGRESQL,
}  # fmt: skip


@pytest.mark.parametrize("unit", sorted(set(Unit) - LEFT_TO_OTHERS))
def test_every_daemon_is_started_again_however_often_it_dies(unit: Unit) -> None:
    found = [
        text for role in (NODE, MONITOR) for name, text in drop_ins(role).items() if name == unit
    ]
    assert found
    for text in found:
        assert "StartLimitIntervalSec=0\n" in text
        assert "RestartSec=1\n" in text
        assert "Restart=" in text
        assert "KillMode=mixed\n" in text


def test_the_database_itself_is_started_again_not_what_stands_for_it() -> None:
    assert "Restart=always" in drop_ins(MONITOR)["postgresql@17-main.service"]
    assert set(server.UNITS) - {Unit.POSTGRESQL} <= set(drop_ins(MONITOR))


def test_a_quorum_device_that_ended_well_does_not_start_corosync_again() -> None:
    assert "Restart=on-failure\n" in drop_ins(NODE)[Unit.QDEVICE]
    assert Unit.COROSYNC not in drop_ins(NODE)


def test_a_lab_without_monitoring_is_told_nothing_of_it() -> None:
    files = daemons.files(inventory().model_copy(update={"monitoring": None}), MONITOR)
    assert not [file for file in files if "zabbix" in file.path or "php" in file.path]


def test_nobody_runs_without_the_room_that_is_kept_for_it() -> None:
    files = reserve.files(LAB.nodes[1])
    service = next(file for file in files if file.path == reserve.SERVICE)
    assert isinstance(service, File)
    text = service.data.decode()
    assert "Before=corosync.service pacemaker.service\n" in text
    assert "ExecStart=/usr/local/lib/halab/reserve 2\n" in text
    assert {file.path for file in files if isinstance(file, Link)} == {
        f"{FOLDER}/corosync.service.requires/halab-reserve.service",
        f"{FOLDER}/pacemaker.service.requires/halab-reserve.service",
    }

"""What is done to a machine depends on how it was found."""

from __future__ import annotations

from dataclasses import replace

from labs.roles import MachineRole
from parts.services.nginx import CONFIGURATION as WEB_SERVER
from provisioning import chrony, corosync, drbd, nginx, pacemaker, packages, qdevice, sbd, units
from provisioning.facts import Facts, Replicated, Unit, UnitState
from provisioning.secrets import generate
from provisioning.steps import Step
from tests.unit.provisioned_lab import FENCING_DISK, facts, inventory

NOTHING: frozenset[str] = frozenset()
LAB = inventory()


def test_a_running_cluster_that_is_right_is_not_touched() -> None:
    found = facts(runs=True)
    steps: list[Step] = [
        *units.reload(NOTHING),
        *chrony.start(found, NOTHING),
        *sbd.load_watchdog(found, NOTHING),
        *sbd.initialise(LAB, found),
        *drbd.attach(found, found, True),
        *drbd.initialise(LAB, found, True),
        *drbd.check_handler(NOTHING),
        *drbd.adjust(found, NOTHING),
        *nginx.leave_to_cluster(found),
        *nginx.reload(found, NOTHING),
        *corosync.reload(found, NOTHING, first=True),
        *pacemaker.start_membership(found),
        *pacemaker.start(found),
        *qdevice.start(found, False),
    ]
    assert steps == []


def test_a_fresh_node_gets_replication_before_the_cluster_starts() -> None:
    found = facts(runs=False)
    assert drbd.attach(found, found, False)
    assert drbd.initialise(LAB, found, False)
    assert pacemaker.start_membership(found)
    assert pacemaker.start(found)


def test_a_running_cluster_owns_replication_even_if_the_note_is_lost() -> None:
    found = facts(runs=True, notes={})
    assert drbd.attach(found, found, True) == ()
    assert drbd.initialise(LAB, found, True) == ()


def test_a_stopped_cluster_finds_its_data_again() -> None:
    found = facts(runs=False, notes={"replication": "demo"})
    assert drbd.attach(found, found, False) == ()
    assert drbd.initialise(LAB, found, False) == ()


def test_the_fencing_disk_is_written_when_it_is_empty() -> None:
    (step,) = sbd.initialise(LAB, facts(runs=False))
    assert step.command.startswith("set -- /dev/disk/by-id/virtio-sbd 5 10\n")


def test_other_fencing_timeouts_need_a_stopped_cluster() -> None:
    slower = inventory(watchdog_s=10)
    assert sbd.needs_stopped_cluster(slower, facts(runs=True))
    assert not sbd.needs_stopped_cluster(LAB, facts(runs=True))
    assert not sbd.needs_stopped_cluster(slower, facts(runs=False))
    (step,) = sbd.initialise(slower, facts(runs=False, fencing_disk=FENCING_DISK))
    assert step.command.startswith("set -- /dev/disk/by-id/virtio-sbd 10 20\n")


def test_changed_membership_is_announced_once() -> None:
    found, changed = facts(runs=True), frozenset({corosync.CONFIGURATION})
    first = [step.command for step in corosync.reload(found, changed, first=True)]
    other = [step.command for step in corosync.reload(found, changed, first=False)]
    assert "corosync-cfgtool -R" in first
    assert "corosync-cfgtool -R" not in other


def test_a_changed_file_matters_to_a_running_service_only() -> None:
    changed = frozenset({corosync.CONFIGURATION, drbd.CONFIGURATION, WEB_SERVER})
    stopped, runs = facts(runs=False), facts(runs=True)
    assert not corosync.reload(stopped, changed, first=True)
    assert not drbd.adjust(stopped, changed) and drbd.adjust(runs, changed)
    assert not nginx.reload(stopped, changed) and nginx.reload(runs, changed)


def test_systemd_is_reloaded_for_links_and_drop_ins() -> None:
    assert units.reload(frozenset({corosync.DROP_IN}))
    assert not units.reload(frozenset({corosync.CONFIGURATION}))


def test_a_web_server_that_systemd_would_start_is_taken_from_it() -> None:
    found = facts(runs=False)
    found = replace(found, units={**found.units, Unit.NGINX: UnitState(False, True)})
    (step,) = nginx.leave_to_cluster(found)
    assert step.command == "systemctl disable --now nginx.service"


def test_a_web_server_that_the_cluster_runs_is_left_alone() -> None:
    # systemd never heard of it: nginx was started by an agent.
    assert nginx.leave_to_cluster(facts(runs=True)) == ()


def test_certificates_are_delivered_until_they_were_imported() -> None:
    secrets = generate()
    node = LAB.nodes[0]
    delivered = qdevice.delivery(LAB, node, secrets, facts(runs=False))
    assert {file.mode for file in delivered} == {0o600}
    changed = frozenset(file.path for file in delivered)
    assert qdevice.import_certificates(LAB, node, changed)

    note = {qdevice.NOTE: secrets.qnetd_authority.digest("demo")}
    assert qdevice.delivery(LAB, node, secrets, facts(runs=True, notes=note)) == ()
    assert qdevice.import_certificates(LAB, node, NOTHING) == ()


def test_certificates_of_another_lab_are_replaced() -> None:
    note = {qdevice.NOTE: generate().qnetd_authority.digest("demo")}
    assert qdevice.delivery(LAB, LAB.monitor, generate(), facts(runs=True, notes=note))


def test_only_missing_packages_are_installed() -> None:
    wanted = packages.wanted(MachineRole.NODE, monitoring=True)
    everything = frozenset(wanted)
    assert packages.missing(wanted, facts(runs=True, packages=everything)) == ()
    found = facts(runs=True, packages=everything - {"sbd"})
    assert packages.missing(wanted, found) == ("sbd",)


def test_a_lab_without_monitoring_installs_none_of_it() -> None:
    for role in MachineRole:
        without = packages.wanted(role, monitoring=False)
        assert not [name for name in without if "zabbix" in name or "postgres" in name]


MIB = 1024


def of_sizes(disk: int, device: int, filesystem: int) -> Facts:
    """Return a node that serves, with these sizes in KiB."""
    return facts(runs=True, replicated=Replicated(disk, device, filesystem))


def test_a_disk_that_is_used_to_its_end_does_not_grow() -> None:
    # As DRBD and ext4 divide a disk of 512 MiB.
    device = 512 * MIB - 52
    assert drbd.grow(of_sizes(512 * MIB, device, device)) == ()


def test_a_larger_disk_is_taken_into_use_where_the_filesystem_is() -> None:
    device = 512 * MIB - 52
    (step,) = drbd.grow(of_sizes(513 * MIB, device, device))

    least = int(step.command.splitlines()[0].removeprefix("set -- "))
    assert 513 * MIB - 64 <= least <= 513 * MIB - 52


def test_a_growth_that_ended_before_its_filesystem_goes_on() -> None:
    assert drbd.grow(of_sizes(1024 * MIB, 1024 * MIB - 68, 512 * MIB - 52))


def test_what_a_filesystem_leaves_at_the_end_does_not_count() -> None:
    assert drbd.grow(of_sizes(512 * MIB, 512 * MIB - 52, 511 * MIB)) == ()


def test_the_other_node_leaves_growing_to_the_one_that_serves() -> None:
    assert drbd.grow(facts(runs=True, replicated=None)) == ()

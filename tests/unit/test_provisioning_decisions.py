"""What is done to a machine depends on how it was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import HalabError
from inventory.model import Inventory
from labs.roles import MachineRole
from parts.all import Parts
from parts.base import Found
from parts.facts import Facts, UnitState
from parts.fencing import sbd
from parts.fencing.sbd import LOOK
from parts.host import Step
from parts.membership import corosync
from parts.quorum import device
from parts.secrets import generate
from parts.storage import drbd
from provisioning import admission, pacemaker, packages, sequence
from provisioning.plan import Plan
from tests.unit.planned_lab import OFFERED, planned
from tests.unit.provisioned_lab import (
    MIB,
    differing,
    fencing_disk,
    fresh,
    inventory,
    plan_of,
    right,
    sizes,
    slots,
    with_look,
    with_unit,
    words,
)

NOTHING: frozenset[str] = frozenset()
LAB = inventory()
NODE, OTHER = LAB.nodes
MONITOR = LAB.monitor
SLOWER = inventory(timing={"watchdog_s": 10, "msgwait_s": 20})

REPLICATION = "/etc/drbd.d/r0.res"
WEB_SERVER = "/etc/nginx/halab.conf"


def everywhere(lab: Inventory, found: dict[str, Facts], **changes: Any) -> Plan:
    """Return what follows when all machines were found otherwise."""
    return plan_of(lab, {name: replace(each, **changes) for name, each in found.items()})


STOPPED = everywhere(LAB, fresh(LAB), notes={"replication": "demo"})
"""A lab that was built, and whose cluster does not run."""


def of_data(found: Plan) -> list[str]:
    """Return what the first node does about its data."""
    steps = [*found.steps(NODE, NOTHING), *found.membership(NODE, NOTHING)]
    return [each.what for each in steps if "replicat" in each.what or "DRBD" in each.what]


def test_a_running_cluster_owns_replication_even_if_the_note_is_lost() -> None:
    lost = everywhere(LAB, right(LAB), notes={})
    assert of_data(lost) == []


def test_a_stopped_cluster_finds_its_data_again() -> None:
    assert of_data(STOPPED) == ["DRBD loaded"]


def test_a_node_that_was_made_anew_loads_drbd_for_a_cluster_that_runs() -> None:
    found = plan_of(LAB, {**right(LAB), OTHER.name: fresh(LAB)[OTHER.name]})
    steps = found.steps(OTHER, frozenset({drbd.MODULE}))
    assert "DRBD loaded" in words(steps)
    assert not [step for step in steps if "attached" in step.what]


def fencing(lab: Inventory, dump: str) -> list[Step]:
    found = everywhere(lab, fresh(lab), looks={LOOK: dump})
    return [step for step in found.steps(NODE, NOTHING) if "fencing disk" in step.what]


def test_the_fencing_disk_is_written_when_it_is_empty() -> None:
    (step,) = fencing(LAB, "")
    assert step.command.startswith("set -- /dev/disk/by-id/virtio-sbd 5 10 node1 node2\n")
    assert fencing(LAB, fencing_disk(5, 10)) == []


def test_other_fencing_timeouts_need_a_stopped_cluster() -> None:
    assert plan_of(SLOWER, right(LAB)).to_stop() == SLOWER.nodes
    assert plan_of(LAB, right(LAB)).to_stop() == ()
    assert plan_of(SLOWER, fresh(LAB)).to_stop() == ()
    (step,) = fencing(SLOWER, fencing_disk(5, 10))
    assert step.command.startswith("set -- /dev/disk/by-id/virtio-sbd 10 20 node1 node2\n")


def refusal(lab: Inventory, found: dict[str, Facts]) -> str:
    """Return why a lab that was found so is not configured; "" when nothing hinders it."""
    plan = plan_of(lab, found)
    try:
        admission.check(plan, plan.to_stop())
    except HalabError as error:
        return error.message
    return ""


def with_disk(found: dict[str, Facts], text: str, *names: str) -> dict[str, Facts]:
    """Return how machines are when some of them see this of the fencing disk."""
    return {
        name: replace(facts, looks={**facts.looks, LOOK: text}) if name in names else facts
        for name, facts in found.items()
    }


def test_a_running_cluster_is_not_stopped_over_a_disk_that_one_node_cannot_read() -> None:
    found = with_disk(right(LAB), sbd.UNREADABLE, OTHER.name)
    assert f"{OTHER.name} cannot read the fencing disk" in refusal(LAB, found)
    assert refusal(LAB, right(LAB)) == ""
    # Where nothing runs yet, the disk may have to come first.
    nothing = with_disk(fresh(LAB), sbd.UNREADABLE, OTHER.name)
    assert refusal(LAB, nothing) == ""


def test_a_disk_with_slots_of_another_cluster_gets_no_new_header() -> None:
    shared = f"{fencing_disk(5, 10)}{slots(LAB.nodes)}4\tdb1\tclear\t\n"
    assert "has slots of db1" in refusal(SLOWER, with_disk(fresh(SLOWER), shared, NODE.name))
    assert refusal(LAB, with_disk(fresh(LAB), shared, NODE.name)) == ""


def test_slots_that_nobody_got_to_give_are_given_later() -> None:
    found = plan_of(LAB, with_disk(fresh(LAB), fencing_disk(5, 10), NODE.name, OTHER.name))
    given = [f"slot for {node.name} on the fencing disk" for node in LAB.nodes]
    assert [word for word in words(found.admission(NODE, NOTHING)) if "slot" in word] == given
    assert "slot" not in str(words(found.admission(OTHER, NOTHING)))


def test_a_disk_is_not_written_by_two() -> None:
    found = Found(fresh(LAB), tuple(node.name for node in LAB.nodes))
    for node, count in ((NODE, 1), (OTHER, 0)):
        steps = Parts(LAB).fencing.configure(node, found, NOTHING)
        assert words(steps).count("fencing disk initialised") == count


RELOADED = "corosync took over its configuration"


def test_changed_membership_is_announced_once() -> None:
    changed = frozenset({corosync.CONFIGURATION})
    found = plan_of(LAB, right(LAB))
    assert [words(found.admission(node, changed)) for node in LAB.nodes] == [[RELOADED], []]
    for node in LAB.nodes:
        # The device's daemon reads it anew once corosync has.
        (step,) = found.membership(node, changed)
        assert step.command == "systemctl try-restart corosync-qdevice"


def test_nodes_without_a_device_restart_none() -> None:
    three = planned("active-active", accelerated=True)
    found, changed = plan_of(three, right(three)), frozenset({corosync.CONFIGURATION})
    told = [words(found.admission(node, changed)) for node in three.nodes]
    assert told == [[RELOADED], [], []]
    assert [found.membership(node, changed) for node in three.nodes] == [[], [], []]


@pytest.mark.parametrize("name", OFFERED)
def test_a_cluster_is_stopped_by_the_units_that_are_there(name: str) -> None:
    lab = planned(name, accelerated=True)
    (step,) = pacemaker.stop(right(lab)["node1"])
    stopped = {word for word in step.command.split() if word not in ("systemctl", "stop")}
    wanted = {unit for part in Parts(lab).every for unit in part.units(MachineRole.NODE)}
    assert {f"{word}.service" for word in stopped} <= wanted
    assert {"pacemaker", "corosync"} <= stopped


def test_a_changed_file_matters_to_a_running_service_only() -> None:
    changed = frozenset({corosync.CONFIGURATION, REPLICATION, WEB_SERVER})
    found = plan_of(LAB, right(LAB))
    said = words([*found.steps(NODE, changed), *found.admission(NODE, changed)])
    for what in ("corosync", "replication", "web server"):
        assert f"{what} took over its configuration" in said
    quiet = words([*STOPPED.steps(NODE, changed), *STOPPED.admission(NODE, changed)])
    assert not [what for what in quiet if "took over" in what]


def test_a_web_server_that_gets_another_port_is_started_again_by_the_cluster() -> None:
    """The cluster would ask at the old port until it knows the new one, and find nobody."""
    moved = inventory(service={"port": 8080})
    found = plan_of(moved, right(LAB))
    changed = frozenset({WEB_SERVER})
    assert "web server took over its configuration" not in words(found.steps(NODE, changed))


def test_a_database_takes_over_what_may_be_changed_while_it_runs() -> None:
    lab = planned("database", accelerated=True)
    changed = frozenset({"/etc/postgresql-common/halab.hba.conf"})
    (step,) = plan_of(lab, right(lab)).steps(lab.nodes[0], changed)
    assert "kill -HUP" in step.command and "/srv/data/pgsql/postmaster.pid" in step.command


def test_systemd_is_reloaded_for_links_and_drop_ins() -> None:
    found = plan_of(LAB, right(LAB))
    assert words(found.steps(NODE, frozenset({corosync.DROP_IN}))) == ["systemd knows the units"]
    assert found.steps(NODE, frozenset({"/usr/local/lib/halab/alert"})) == []


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("active-passive", "nginx.service"),
        ("active-passive", "drbd.service"),
        ("active-active", "nginx.service"),
        ("database", "postgresql.service"),
        ("database", "postgresql@17-main.service"),
    ],
)
def test_what_systemd_would_start_is_taken_from_it(name: str, unit: str) -> None:
    lab = planned(name, accelerated=True)
    found = with_unit(lab, lab.nodes[0], unit, UnitState(active=False, enabled=True))
    (step,) = found.steps(lab.nodes[0], NOTHING)
    assert step.command == f"systemctl disable --now {unit}"


def test_a_web_server_that_the_cluster_runs_is_left_alone() -> None:
    # systemd takes a server that an agent started for its own, where it knows the unit.
    found = with_unit(LAB, NODE, "nginx.service", UnitState(active=True, enabled=False))
    assert found.steps(NODE, NOTHING) == []


def test_what_the_monitor_itself_needs_is_not_taken_from_it() -> None:
    for lab in (LAB, planned("database", accelerated=True)):
        assert plan_of(lab, right(lab)).steps(lab.monitor, NOTHING) == []


def test_certificates_are_delivered_until_they_were_imported() -> None:
    for machine in (NODE, MONITOR):
        found = plan_of(LAB, {**right(LAB), machine.name: fresh(LAB)[machine.name]})
        delivered = [f for f in found.delivery(machine) if "halab-delivery" in f.path]
        assert [file.mode for file in delivered] == [0o600] * 3
        written = frozenset(file.path for file in delivered)
        imported = "quorum device certificates imported"
        assert imported in words(found.steps(machine, written))

        same = plan_of(LAB, right(LAB))
        assert same.delivery(machine) == ()
        assert imported not in words(same.steps(machine, NOTHING))


def test_certificates_of_another_lab_are_replaced() -> None:
    note = {device.NOTE: generate().qnetd_authority.digest("Qnetd Server")}
    found = differing(LAB, MONITOR, notes={**right(LAB)[MONITOR.name].notes, **note})
    assert len(found.delivery(MONITOR)) == 3


def test_only_missing_packages_are_installed() -> None:
    assert plan_of(LAB, right(LAB)).packages(NODE) == ()
    left = right(LAB)[NODE.name].packages - {"sbd"}
    assert differing(LAB, NODE, packages=left).packages(NODE) == ("sbd",)


def test_a_lab_without_monitoring_installs_none_of_it() -> None:
    quiet = Parts(inventory(monitoring=False))
    for role in MachineRole:
        without = packages.wanted(quiet, role)
        assert not [name for name in without if "zabbix" in name or "postgres" in name]


def test_a_lab_installs_what_its_own_parts_need() -> None:
    three = packages.wanted(Parts(planned("active-active", accelerated=True)), MachineRole.NODE)
    assert "nginx" in three
    assert not {"drbd-utils", "corosync-qdevice", "postgresql-17"} & set(three)
    data = packages.wanted(Parts(planned("database", accelerated=True)), MachineRole.NODE)
    assert {"drbd-utils", "corosync-qdevice", "postgresql-17"} <= set(data)
    assert "nginx" not in data


def growth(disk: int, device: int, filesystem: int) -> list[Step]:
    """Return what a node does that serves, with these sizes in KiB."""
    found = with_look(LAB, NODE, "sizes r0", sizes(disk, device, filesystem))
    return found.steps(NODE, NOTHING)


USED = 512 * MIB - 52
"""As DRBD and ext4 divide a disk of 512 MiB."""


def test_a_disk_that_is_used_to_its_end_does_not_grow() -> None:
    assert growth(512 * MIB, USED, USED) == []


def test_a_larger_disk_is_taken_into_use_where_the_filesystem_is() -> None:
    (step,) = growth(513 * MIB, USED, USED)

    name, minor, least = step.command.splitlines()[0].removeprefix("set -- ").split()
    assert (name, minor) == ("r0", "0")
    assert 513 * MIB - 64 <= int(least) <= 513 * MIB - 52


def test_a_growth_that_ended_before_its_filesystem_goes_on() -> None:
    assert growth(1024 * MIB, 1024 * MIB - 68, USED)


def test_what_a_filesystem_leaves_at_the_end_does_not_count() -> None:
    assert growth(512 * MIB, USED, 511 * MIB) == []


def test_the_other_node_leaves_growing_to_the_one_that_serves() -> None:
    assert with_look(LAB, OTHER, "sizes r0", "").steps(OTHER, NOTHING) == []


def test_a_few_files_are_named_and_many_are_counted() -> None:
    few = [f"/etc/one/{number}" for number in range(8)]
    assert sequence._written([]) == []
    assert sequence._written(few) == [f"{path} written" for path in few]
    assert sequence._written([*few, "/etc/more"]) == ["9 files written"]

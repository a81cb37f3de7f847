"""What somebody changed by hand is seen, and what follows from it mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from inventory.model import Machine
from labs.roles import MachineRole
from machines.remote import Remote
from parts.all import Parts
from parts.facts import COROSYNC, PACEMAKER, UnitState
from parts.fencing import sbd
from parts.membership import corosync
from parts.monitoring import agent, server
from parts.quorum import device
from parts.secrets import Secrets, generate
from parts.system import firewall, reserve, time
from provisioning import cib
from provisioning.drift import compare
from provisioning.plan import Plan, digest
from tests.unit.provisioned_lab import (
    CERTIFICATES,
    SECRETS,
    STOPPED,
    differing,
    fresh,
    inventory,
    plan_of,
    right,
    with_look,
    with_unit,
)

LAB = inventory()
NODE1, NODE2, MONITOR = LAB.machines
NOTHING: frozenset[str] = frozenset()
REPLICATION = "/etc/drbd.d/r0.res"

HEALTHY = plan_of(LAB, right(LAB))


def differences(
    monkeypatch: pytest.MonkeyPatch, found: Plan, machine: Machine, files: Iterable[str] = ()
) -> list[str]:
    """Compare a machine, on which these files differ."""
    monkeypatch.setattr("provisioning.drift.differing_files", lambda *_: frozenset(files))
    return compare(found, machine, Remote(machine))


@pytest.mark.parametrize("machine", LAB.machines, ids=lambda machine: machine.name)
def test_a_healthy_lab_does_not_differ(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    assert differences(monkeypatch, HEALTHY, machine) == []
    assert HEALTHY.delivery(machine) == ()


ON_NODES = (
    *(sbd.UNIT, COROSYNC, device.CLIENT, PACEMAKER),
    *(agent.AGENT, agent.COLLECTOR_TIMER, time.UNIT, firewall.UNIT, reserve.UNIT),
)


def test_every_unit_of_a_node_is_among_these() -> None:
    wanted = {unit for part in Parts(LAB).every for unit in part.units(MachineRole.NODE)}
    assert wanted == set(ON_NODES)


@pytest.mark.parametrize("unit", ON_NODES)
def test_a_unit_that_was_stopped_on_a_node(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    found = with_unit(LAB, NODE2, unit, STOPPED)
    assert differences(monkeypatch, found, NODE2)
    assert differences(monkeypatch, found, NODE1) == []


@pytest.mark.parametrize("unit", [time.UNIT, device.SERVER, agent.AGENT, *server.UNITS])
def test_a_unit_that_was_stopped_on_the_monitor(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    found = with_unit(LAB, MONITOR, unit, STOPPED)
    assert differences(monkeypatch, found, MONITOR)


@pytest.mark.parametrize(
    ("machine", "unit"),
    [(MONITOR, device.SERVER), (NODE1, PACEMAKER), (NODE1, sbd.UNIT), (NODE2, time.UNIT)],
)
def test_a_unit_that_was_masked_may_start_again(machine: Machine, unit: str) -> None:
    masked = UnitState(active=True, enabled=False, masked=True)
    steps = with_unit(LAB, machine, unit, masked).steps(machine, NOTHING)
    assert [step.command for step in steps] == [
        f"systemctl unmask {unit}\nsystemctl unmask --runtime {unit}"
    ]


def test_sbd_that_was_taken_from_under_a_running_cluster_needs_it_to_start_again() -> None:
    assert with_unit(LAB, NODE2, sbd.UNIT, STOPPED).to_stop() == (NODE2,)


def test_a_fencing_disk_without_its_header_needs_everybody_to_start_again() -> None:
    found = {name: replace(each, looks={}) for name, each in right(LAB).items()}
    assert plan_of(LAB, found).to_stop() == LAB.nodes


def test_rules_that_were_flushed_are_delivered_again() -> None:
    flushed = {**right(LAB)[NODE2.name].digests, "-": "nothing"}
    (file,) = differing(LAB, NODE2, digests=flushed).delivery(NODE2)
    assert file.data.decode() == firewall.rules(LAB, NODE2)


def test_forwarding_that_was_switched_on_is_switched_off() -> None:
    forwarding = {**firewall.kernel_settings(), "/proc/sys/net/ipv4/ip_forward": "1"}
    (step,) = differing(LAB, NODE2, kernel=forwarding).steps(NODE2, NOTHING)
    assert "systemd-sysctl" in step.command


def test_fencing_that_was_switched_off_is_seen_in_the_clusters_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = 'name="stonith-enabled" value="true"'
    text = cib.desired(Parts(LAB))
    assert on in text
    found = differing(LAB, NODE1, cib=text.replace(on, on.replace("true", "false")))
    assert differences(monkeypatch, found, NODE1) == ["cluster property stonith-enabled is true"]


def test_files_that_differ_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = differences(monkeypatch, HEALTHY, NODE2, {REPLICATION})
    assert REPLICATION in said


def test_packages_that_are_gone_are_named_and_nothing_else_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = right(LAB)[MONITOR.name].packages - {"zabbix-agent2"}
    found = differing(LAB, MONITOR, packages=left)
    assert differences(monkeypatch, found, MONITOR) == ["no packages zabbix-agent2"]


@pytest.mark.parametrize(
    "said",
    [
        " 0: cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----",
        " 0: cs:Connected ro:Secondary/Primary ds:Diskless/UpToDate C r-----",
    ],
)
def test_replication_that_was_cut_off_by_hand_is_adjusted(said: str) -> None:
    (step,) = with_look(LAB, NODE2, "replication r0", said).steps(NODE2, NOTHING)
    assert step.command == "drbdadm adjust r0"


def test_what_failed_on_a_node_while_it_was_wrong_is_forgotten() -> None:
    (step,) = HEALTHY.forgive(NODE2, frozenset({"node2", "monitor"}))
    assert step.command == "crm_resource --cleanup --node node2"
    assert HEALTHY.forgive(NODE1, frozenset({"node2", "monitor"})) == []


def test_a_cluster_that_starts_has_nothing_to_forget() -> None:
    assert plan_of(LAB, fresh(LAB)).forgive(NODE1, frozenset({"node1"})) == []


def test_a_certificate_database_that_is_not_the_noted_one_is_made_again() -> None:
    for wrong in ("456", None):
        digests = {**right(LAB)[NODE1.name].digests, CERTIFICATES[MachineRole.NODE]: wrong}
        held = {path: digest_ for path, digest_ in digests.items() if digest_}
        found = differing(LAB, NODE1, digests=held)
        delivered = found.delivery(NODE1)
        assert len(delivered) == 3
        written = frozenset(file.path for file in delivered)
        assert any("imported" in step.what for step in found.steps(NODE1, written))
        # Its daemon goes on showing the old one until it starts again.
        (again,) = found.membership(NODE1, written)
        assert again.command == "systemctl try-restart corosync-qdevice"


def key_on(*nodes: Machine, secrets: Secrets = SECRETS, members: frozenset[int]) -> Plan:
    """Return the plan for a lab in which these nodes hold another key than they shall."""
    found = right(LAB)
    for node in nodes:
        other = {**found[node.name].digests, corosync.AUTHKEY: "other"}
        found[node.name] = replace(found[node.name], digests=other, members=members)
    return plan_of(LAB, found, secrets)


def test_new_keys_need_the_whole_cluster_to_start_again() -> None:
    assert plan_of(LAB, right(LAB), generate()).to_stop() == LAB.nodes


def test_a_key_that_was_damaged_on_one_node_is_only_written_again() -> None:
    assert key_on(NODE2, members=frozenset({1, 2})).to_stop() == ()


def test_a_node_that_runs_alone_with_another_key_starts_again() -> None:
    assert key_on(NODE2, members=frozenset({2})).to_stop() == (NODE2,)


def test_a_key_matters_to_a_running_cluster_only() -> None:
    assert plan_of(LAB, fresh(LAB)).to_stop() == ()


def test_what_is_delivered_decides_and_not_how_it_is_written_down() -> None:
    same = digest(LAB, SECRETS)
    assert digest(inventory(), Secrets.model_validate_json(SECRETS.reveal())) == same
    assert digest(inventory(service={"port": 8080}), SECRETS) != same
    assert digest(inventory(timing={"token_ms": 4000}), SECRETS) != same
    assert digest(LAB, generate()) != same


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("parts.addresses.cable.ATTRIBUTE", "other-cable"),
        ("inventory.parts.DRBD_PORT", 7790),
        ("provisioning.zabbix.configuration.PROBE_S", 7),
    ],
)
def test_a_newer_halab_that_delivers_something_else_is_seen(
    monkeypatch: pytest.MonkeyPatch, place: str, value: object
) -> None:
    before = digest(LAB, SECRETS)
    monkeypatch.setattr(place, value)
    assert digest(LAB, SECRETS) != before

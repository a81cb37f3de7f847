"""What somebody changed by hand is seen, and what follows from it mends it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from inventory.model import Machine
from labs.roles import MachineRole
from machines.remote import Remote
from provisioning import cib, corosync, drbd, firewall, keys, pacemaker, packages, qdevice
from provisioning.drift import compare
from provisioning.facts import Facts, Unit, UnitState
from provisioning.plan import Plan, digest
from provisioning.secrets import Secrets, generate
from provisioning.zabbix import agent, server
from provisioning.zabbix.names import ACCOUNTS_NOTE, DATABASE_NOTE
from tests.unit.provisioned_lab import facts, inventory

LAB = inventory()
SECRETS = generate()
NODE1, NODE2, MONITOR = LAB.machines
NOTHING: frozenset[str] = frozenset()
DATABASES = {
    MachineRole.NODE: "/etc/corosync/qdevice/net/nssdb/cert9.db",
    MachineRole.MONITOR: "/etc/corosync/qnetd/nssdb/cert9.db",
}
SUBJECTS = {MachineRole.NODE: LAB.lab, MachineRole.MONITOR: "Qnetd Server"}


def authkey_digest(secrets: Secrets) -> str:
    return hashlib.sha256(base64.b64decode(secrets.corosync_authkey)).hexdigest()


def as_it_shall_be(machine: Machine) -> Facts:
    """Return what a machine of a healthy lab says of itself."""
    database = DATABASES[machine.role]
    notes = {
        "replication": LAB.lab,
        firewall.NOTE: "abc  -",
        qdevice.NOTE: f"{SECRETS.qnetd_authority.digest(SUBJECTS[machine.role])}\n123  {database}",
        DATABASE_NOTE: "PostgreSQL 17",
        ACCOUNTS_NOTE: server.accounts_digest(SECRETS),
    }
    rules = hashlib.sha256(firewall.rules(LAB, machine).encode()).hexdigest()
    found = facts(
        runs=True,
        hostname=machine.name,
        packages=frozenset(packages.wanted(machine.role, monitoring=True)),
        notes=notes,
        digests={
            "-": "abc",
            firewall.RULES: rules,
            database: "123",
            corosync.AUTHKEY: authkey_digest(SECRETS),
        },
        kernel=firewall.kernel_settings(),
        corosync_conf=corosync.configuration(LAB, 1),
        replication="0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----",
        members=frozenset({1, 2}),
        cib=cib.desired(LAB) if machine.role is MachineRole.NODE else "",
    )
    if machine.role is MachineRole.MONITOR:
        found.units[Unit.NGINX] = UnitState(active=True, enabled=True)
    return found


def plan(changed: Machine = NODE1, **changes: Any) -> Plan:
    """Return the plan for a healthy lab in which one machine differs."""
    found = {machine.name: as_it_shall_be(machine) for machine in LAB.machines}
    found[changed.name] = replace(found[changed.name], **changes)
    return Plan.of(LAB, SECRETS, found)


def differences(
    monkeypatch: pytest.MonkeyPatch, found: Plan, machine: Machine, files: Iterable[str] = ()
) -> list[str]:
    """Compare a machine, on which these files differ."""
    monkeypatch.setattr("provisioning.drift.differing_files", lambda *_: frozenset(files))
    return compare(found, machine, Remote(machine))


def units(machine: Machine, unit: Unit, state: UnitState) -> dict[Unit, UnitState]:
    return {**as_it_shall_be(machine).units, unit: state}


@pytest.mark.parametrize("machine", LAB.machines, ids=lambda machine: machine.name)
def test_a_healthy_lab_does_not_differ(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    assert differences(monkeypatch, plan(), machine) == []
    assert plan().delivery(machine) == ()


STOPPED = UnitState(active=False, enabled=True)


ON_NODES = (*pacemaker.UNITS, *agent.UNITS, Unit.CHRONY, Unit.FIREWALL)


@pytest.mark.parametrize("unit", ON_NODES)
def test_a_unit_that_was_stopped_on_a_node(monkeypatch: pytest.MonkeyPatch, unit: Unit) -> None:
    found = plan(NODE2, units=units(NODE2, unit, STOPPED))
    assert differences(monkeypatch, found, NODE2)
    assert differences(monkeypatch, found, NODE1) == []


@pytest.mark.parametrize("unit", [Unit.CHRONY, Unit.QNETD, Unit.ZABBIX_AGENT, *server.UNITS])
def test_a_unit_that_was_stopped_on_the_monitor(
    monkeypatch: pytest.MonkeyPatch, unit: Unit
) -> None:
    found = plan(MONITOR, units=units(MONITOR, unit, STOPPED))
    assert differences(monkeypatch, found, MONITOR)


@pytest.mark.parametrize(
    ("machine", "unit"),
    [(MONITOR, Unit.QNETD), (NODE1, Unit.PACEMAKER), (NODE1, Unit.SBD), (NODE2, Unit.CHRONY)],
)
def test_a_unit_that_was_masked_may_start_again(machine: Machine, unit: Unit) -> None:
    masked = UnitState(active=True, enabled=False, masked=True)
    steps = plan(machine, units=units(machine, unit, masked)).steps(machine, NOTHING)
    assert [step.command for step in steps] == [
        f"systemctl unmask {unit}\nsystemctl unmask --runtime {unit}"
    ]


def test_sbd_that_was_taken_from_under_a_running_cluster_needs_it_to_start_again() -> None:
    found = plan(NODE2, units=units(NODE2, Unit.SBD, STOPPED))
    assert found.to_stop() == (NODE2,)


def test_a_fencing_disk_without_its_header_needs_everybody_to_start_again() -> None:
    found = {machine.name: as_it_shall_be(machine) for machine in LAB.machines}
    for node in LAB.nodes:
        found[node.name] = replace(found[node.name], fencing_disk="")
    assert Plan.of(LAB, SECRETS, found).to_stop() == LAB.nodes


def test_rules_that_were_flushed_are_delivered_again() -> None:
    flushed = {**as_it_shall_be(NODE2).digests, "-": "nothing"}
    (file,) = plan(NODE2, digests=flushed).delivery(NODE2)
    assert file.data.decode() == firewall.rules(LAB, NODE2)


def test_forwarding_that_was_switched_on_is_switched_off() -> None:
    forwarding = {**firewall.kernel_settings(), "/proc/sys/net/ipv4/ip_forward": "1"}
    (step,) = plan(NODE2, kernel=forwarding).steps(NODE2, NOTHING)
    assert "systemd-sysctl" in step.command


def test_fencing_that_was_switched_off_is_seen_in_the_clusters_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = 'name="stonith-enabled" value="true"'
    text = cib.desired(LAB)
    assert on in text
    found = plan(NODE1, cib=text.replace(on, on.replace("true", "false")))
    assert differences(monkeypatch, found, NODE1) == ["cluster property stonith-enabled is true"]


def test_files_that_differ_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = differences(monkeypatch, plan(), NODE2, {drbd.CONFIGURATION})
    assert drbd.CONFIGURATION in said


def test_packages_that_are_gone_are_named_and_nothing_else_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = as_it_shall_be(MONITOR).packages - {"zabbix-agent2"}
    found = plan(MONITOR, packages=left)
    assert differences(monkeypatch, found, MONITOR) == ["no packages zabbix-agent2"]


@pytest.mark.parametrize(
    "said",
    [
        "0: cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----",
        "0: cs:Connected ro:Secondary/Primary ds:Diskless/UpToDate C r-----",
    ],
)
def test_replication_that_was_cut_off_by_hand_is_adjusted(said: str) -> None:
    (step,) = plan(NODE2, replication=said).steps(NODE2, NOTHING)
    assert step.command == "drbdadm adjust r0"


def test_what_failed_on_a_node_while_it_was_wrong_is_forgotten() -> None:
    (step,) = plan().forgive(NODE2, frozenset({"node2", "monitor"}))
    assert step.command == "crm_resource --cleanup --node node2"
    assert plan().forgive(NODE1, frozenset({"node2", "monitor"})) == []


def test_a_cluster_that_starts_has_nothing_to_forget() -> None:
    found = {machine.name: facts(runs=False) for machine in LAB.machines}
    assert Plan.of(LAB, SECRETS, found).forgive(NODE1, frozenset({"node1"})) == []


def test_a_certificate_database_that_is_not_the_noted_one_is_made_again() -> None:
    for wrong in ("456", None):
        digests = {**as_it_shall_be(NODE1).digests, DATABASES[MachineRole.NODE]: wrong}
        held = {path: digest_ for path, digest_ in digests.items() if digest_}
        found = plan(NODE1, digests=held)
        delivered = found.delivery(NODE1)
        assert len(delivered) == 3
        written = frozenset(file.path for file in delivered)
        assert any("imported" in step.what for step in found.steps(NODE1, written))
        # Its daemon goes on showing the old one until it starts again.
        (again,) = found.membership(NODE1, written)
        assert again.command == "systemctl try-restart corosync-qdevice"


def key_on(*nodes: Machine, secrets: Secrets = SECRETS, members: frozenset[int]) -> Plan:
    """Return the plan for a lab in which these nodes hold another key than they shall."""
    found = {machine.name: as_it_shall_be(machine) for machine in LAB.machines}
    for node in nodes:
        other = {**found[node.name].digests, corosync.AUTHKEY: "other"}
        found[node.name] = replace(found[node.name], digests=other, members=members)
    return Plan.of(LAB, secrets, found)


def test_new_keys_need_the_whole_cluster_to_start_again() -> None:
    found = {machine.name: as_it_shall_be(machine) for machine in LAB.machines}
    assert keys.holders_of_others(LAB, generate(), found) == LAB.nodes
    assert Plan.of(LAB, generate(), found).to_stop() == LAB.nodes


def test_a_key_that_was_damaged_on_one_node_is_only_written_again() -> None:
    assert key_on(NODE2, members=frozenset({1, 2})).to_stop() == ()


def test_a_node_that_runs_alone_with_another_key_starts_again() -> None:
    assert key_on(NODE2, members=frozenset({2})).to_stop() == (NODE2,)


def test_a_key_matters_to_a_running_cluster_only() -> None:
    found = {machine.name: facts(runs=False) for machine in LAB.machines}
    assert Plan.of(LAB, SECRETS, found).to_stop() == ()


def test_what_is_delivered_decides_and_not_how_it_is_written_down() -> None:
    same = digest(LAB, SECRETS)
    assert digest(inventory(), Secrets.model_validate_json(SECRETS.reveal())) == same
    assert digest(inventory(port=8080), SECRETS) != same
    assert digest(inventory(token_ms=4000), SECRETS) != same
    assert digest(LAB, generate()) != same


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("parts.addresses.cable.ATTRIBUTE", "other-cable"),
        ("provisioning.drbd.DRBD_PORT", 7790),
        ("provisioning.zabbix.configuration.PROBE_S", 7),
    ],
)
def test_a_newer_halab_that_delivers_something_else_is_seen(
    monkeypatch: pytest.MonkeyPatch, place: str, value: object
) -> None:
    before = digest(LAB, SECRETS)
    monkeypatch.setattr(place, value)
    assert digest(LAB, SECRETS) != before

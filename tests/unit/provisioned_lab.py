"""Labs for the provisioning tests: planned as `up` does it, and facts of their machines."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from core.errors import CommandError
from inventory.model import Inventory, Machine
from inventory.parts import Storage
from labs.checking import check
from labs.model import Lab
from labs.roles import MachineRole
from machines.remote import Remote, Result
from parts.all import Parts
from parts.facts import Facts, UnitState
from parts.fencing import sbd
from parts.host import Step
from parts.membership import corosync
from parts.monitoring import server
from parts.monitoring.names import ACCOUNTS_NOTE, DATABASE_NOTE
from parts.quorum import device
from parts.secrets import Secrets, generate
from parts.services import galera
from parts.system import firewall
from provisioning import cib, packages
from provisioning.plan import Plan
from tests.unit.planned_lab import plan

SECRETS = generate()

RUNNING = UnitState(active=True, enabled=True)
STOPPED = UnitState(active=False, enabled=True)

CERTIFICATES = {
    MachineRole.NODE: "/etc/corosync/qdevice/net/nssdb/cert9.db",
    MachineRole.MONITOR: "/etc/corosync/qnetd/nssdb/cert9.db",
}
"""Where a machine keeps what the quorum device is to know it by."""

MIB = 1024


def inventory(**tables: Any) -> Inventory:
    """Return the lab of a definition with these tables; its machines run on KVM."""
    return plan(check("demo.toml", {"version": 1, "name": "demo", **tables}, Lab), accelerated=True)


def fresh(lab: Inventory) -> dict[str, Facts]:
    """Return how the machines are when they boot for the first time, from halab's own images."""
    return {machine.name: _fresh(lab, machine) for machine in lab.machines}


def right(lab: Inventory, secrets: Secrets = SECRETS) -> dict[str, Facts]:
    """Return how the machines are when all is as it shall be; the first node serves."""
    return {machine.name: _right(lab, machine, secrets) for machine in lab.machines}


def plan_of(lab: Inventory, found: Mapping[str, Facts], secrets: Secrets = SECRETS) -> Plan:
    """Return what follows for machines that were found like this."""
    return Plan.of(Parts(lab), secrets, found)


def differing(lab: Inventory, machine: Machine, **changes: Any) -> Plan:
    """Return what follows when all is as it shall be, but for one machine."""
    found = right(lab)
    return plan_of(lab, {**found, machine.name: replace(found[machine.name], **changes)})


def with_unit(lab: Inventory, machine: Machine, unit: str, state: UnitState) -> Plan:
    """Return what follows when all is as it shall be, but for one unit."""
    return differing(lab, machine, units={**right(lab)[machine.name].units, unit: state})


def with_look(lab: Inventory, machine: Machine, look: str, printed: str) -> Plan:
    """Return what follows when all is as it shall be, but for what one look finds."""
    return differing(lab, machine, looks={**right(lab)[machine.name].looks, look: printed})


def everything(found: Plan, machine: Machine) -> frozenset[str]:
    """Return the paths of all that a machine can be given."""
    return frozenset(file.path for file in (*found.files(machine), *found.delivery(machine)))


def every_step(found: Plan, machine: Machine, written: frozenset[str]) -> list[Step]:
    """Return all that is done on a machine, from the first thing to the last."""
    steps = found.steps(machine, written)
    if machine.role is MachineRole.MONITOR:
        return steps + found.membership(machine, written)
    steps += found.admission(machine, written) + found.membership(machine, written)
    steps += found.start(machine) + found.welcome(machine) + found.report(machine, written)
    return steps


def words(steps: Iterable[Step]) -> list[str]:
    """Return what steps say of themselves."""
    return [step.what for step in steps]


def fencing_disk(watchdog: int, msgwait: int) -> str:
    """Return what `sbd dump` prints of a disk with these timeouts."""
    return f"""==Dumping header on disk /dev/disk/by-id/virtio-sbd
Header version     : 2.1
UUID               : 9a4a6d3f-5a3c-4f6b-9d4e-0e4f6a2d7b11
Number of slots    : 255
Sector size        : 512
Timeout (watchdog) : {watchdog}
Timeout (allocate) : 2
Timeout (loop)     : 1
Timeout (msgwait)  : {msgwait}
==Header on disk /dev/disk/by-id/virtio-sbd is dumped
"""


def slots(nodes: Iterable[Machine]) -> str:
    """Return what `sbd list` prints of a disk on which these nodes have slots."""
    return "".join(f"{number}\t{node.name}\tclear\t\n" for number, node in enumerate(nodes))


def votes(lab: Inventory, members: Iterable[Machine]) -> str:
    """Return what `corosync-quorumtool -s` prints on the first of these nodes of a lab."""
    expected = Parts(lab).quorum.expected_votes
    device = expected > len(lab.nodes)
    names = [node.name for node in members]
    total = len(names) + device
    flags = " A,V,NMW" if device else ""
    rows = [f"         {name[-1]}          1{flags} {name}" for name in names]
    rows[0] += " (local)"
    columns = "    Nodeid      Votes    Qdevice Name" if device else "    Nodeid      Votes Name"
    return "\n".join(
        (
            f"Quorate:          {'Yes' if total > expected // 2 else 'No'}",
            f"Expected votes:   {expected}",
            f"Total votes:      {total}",
            "",
            "Membership information",
            columns,
            *rows,
            *(["         0          1            Qdevice"] if device else []),
        )
    )


def sizes(disk_kib: int, device_kib: int, filesystem_kib: int) -> str:
    """Return what a node prints of a replicated disk that it uses, in blocks of 1 KiB."""
    return (
        f"disk {disk_kib * 1024}\ndevice {device_kib * 2}\n"
        f"filesystem {filesystem_kib} 6552 127000 8100 0 0\n"
    )


def _fresh(lab: Inventory, machine: Machine) -> Facts:
    node = machine.role is MachineRole.NODE
    return Facts(
        system="debian 13",
        hostname=machine.name,
        packages=frozenset(packages.wanted(Parts(lab), machine.role)),
        units={"chrony.service": RUNNING},
        notes={} if node else {DATABASE_NOTE: "PostgreSQL 17"},
        corosync_conf="\n",
    )


def _right(lab: Inventory, machine: Machine, secrets: Secrets) -> Facts:
    node = machine.role is MachineRole.NODE
    parts = Parts(lab)
    database = CERTIFICATES[machine.role]
    subject = lab.lab if node else "Qnetd Server"
    key = hashlib.sha256(base64.b64decode(secrets.corosync_authkey)).hexdigest()
    rules = hashlib.sha256(firewall.rules(lab, machine).encode()).hexdigest()
    notes = {device.NOTE: f"{secrets.qnetd_authority.digest(subject)}\n123  {database}"}
    if lab.firewall.enabled:
        notes[firewall.NOTE] = "abc  -"
    if node:
        storage = parts.storage.values()
        notes |= {each.note: lab.lab for each in storage if each.is_carrier(machine)}
    else:
        notes |= {DATABASE_NOTE: "PostgreSQL 17", ACCOUNTS_NOTE: server.accounts_digest(secrets)}
    return replace(
        _fresh(lab, machine),
        units={
            unit: RUNNING for part in parts.on(machine.role) for unit in part.units(machine.role)
        },
        notes=notes,
        digests={"-": "abc", firewall.RULES: rules, database: "123", corosync.AUTHKEY: key},
        kernel=firewall.kernel_settings(),
        corosync_conf=corosync.configuration(lab, 1) if node else "\n",
        members=frozenset(each.number for each in lab.nodes) if node else frozenset(),
        cib=cib.desired(parts) if node else "",
        looks=_looks(lab, machine) if node else {},
    )


def _looks(lab: Inventory, node: Machine) -> dict[str, str]:
    timing = lab.timing
    disk = fencing_disk(timing.watchdog_s, timing.msgwait_s)
    version = "totem.config_version (u64) = 1"
    looks = {sbd.LOOK: f"{disk}{slots(lab.nodes)}", corosync.LOOK: version}
    looks[corosync.VOTES] = votes(lab, lab.nodes)
    looks[galera.LOOK] = "made"
    for storage in filter(lambda each: each.replicated, lab.storage):
        carriers = lab.carriers(storage)
        if node in carriers:
            looks |= _replication(storage, serves=node == carriers[0])
    return looks


def _replication(storage: Storage, *, serves: bool) -> dict[str, str]:
    # As DRBD and ext4 divide a disk of 512 MiB.
    used = 512 * MIB - 52
    roles = "Primary/Secondary" if serves else "Secondary/Primary"
    line = f" {storage.number}: cs:Connected ro:{roles} ds:UpToDate/UpToDate C r-----"
    return {
        f"replication {storage.resource}": line,
        f"sizes {storage.resource}": sizes(512 * MIB, used, used) if serves else "",
    }


class ThisMachine:
    """Stands in for a Remote: commands run here, as they would there."""

    name = "here"

    def run(
        self,
        command: str,
        *,
        check: bool = True,
        timeout: float = 60.0,
        stdin: str | None = None,
    ) -> Result:
        """Run shell text."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise CommandError(command, status=done.returncode, stderr=done.stderr, host=self.name)
        return Result(done.stdout, done.stderr, done.returncode)


def this_machine() -> Remote:
    """Return this machine under the type that provisioning expects."""
    return cast(Remote, ThisMachine())

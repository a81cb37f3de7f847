"""Labs as `up` plans them: from their definition to an inventory, with nothing left to chance."""

from __future__ import annotations

from pathlib import Path

from core.folders import PROJECT, LabFolder
from infra.host_keys import HostKey
from infra.planning import plan_inventory
from inventory.model import Inventory
from inventory.record import Boot, LabRecord
from labs.addressing import machines
from labs.loading import load
from labs.roles import MachineRole
from provisioning.certificates import Authority
from provisioning.secrets import Secrets

DEFINITIONS = {
    "active-passive": "active-passive",
    "selftest": str(PROJECT / "tests" / "selftest.toml"),
}

SECRETS = Secrets(
    corosync_authkey="QSBkdW1teQ==",
    drbd_secret="a dummy shared secret",
    qnetd_authority=Authority(certificate="a dummy certificate", key="a dummy key"),
    zabbix_admin_password="a dummy of the administrator's password",
    zabbix_database_password="a dummy of the database's password",
    zabbix_psk="0" * 64,
)
"""Secrets that are none: with this authority nobody can sign anything."""


def planned(definition: str, *, accelerated: bool) -> Inventory:
    """Return the inventory of one of DEFINITIONS, on KVM or in emulation."""
    lab = load(DEFINITIONS[definition])
    folder = LabFolder(Path("/labs") / lab.name)
    nothing = Path("/nothing")
    record = LabRecord(
        uri="qemu:///session",
        private=True,
        mark="00000000-0000-0000-0000-000000000000",
        prefix="",
        pool=folder.pool,
        domains={},
        source=definition,
        accelerated=accelerated,
        acceleration_reason="",
        proxy_command=None,
        boot={role: Boot(disk=nothing, kernel=nothing, initrd=nothing) for role in MachineRole},
    )
    keys = {machine.name: HostKey(nothing, "ssh-ed25519 AAAA") for machine in machines(lab)}
    return plan_inventory(lab, record, folder, keys)

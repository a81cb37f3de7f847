"""Labs as `up` plans them: from their definition to an inventory, with nothing left to chance."""

from __future__ import annotations

from pathlib import Path

from core.folders import PROJECT, LabFolder
from infra.host_keys import HostKey
from infra.planning import plan_inventory
from inventory.model import Inventory
from inventory.record import Boot, LabRecord
from labs.addressing import machines
from labs.loading import available, load
from labs.model import Lab
from labs.roles import MachineRole
from labs.tables.libvirt import Libvirt
from parts.certificates import Authority
from parts.secrets import Secrets

OFFERED = tuple(
    offer.name for offer in available() if offer.lab and isinstance(offer.lab.platform, Libvirt)
)
"""The definitions that come with halab, of labs on this machine."""

DEFINITIONS = {
    **{name: name for name in OFFERED},
    "selftest": str(PROJECT / "tests" / "labs" / "active-passive.toml"),
}

BESIDES = {
    path.stem: str(path)
    for path in sorted((PROJECT / "tests" / "labs").glob("*.toml"))
    if path.stem not in OFFERED
}
"""Definitions of labs that the tests build and halab does not offer."""

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
    """Return the inventory of one of DEFINITIONS or BESIDES, on KVM or in emulation."""
    return plan(load({**DEFINITIONS, **BESIDES}[definition]), accelerated=accelerated)


def plan(lab: Lab, *, accelerated: bool, private: bool = True) -> Inventory:
    """Return the inventory of a lab, in a libvirt of halab's own or in somebody else's."""
    folder = LabFolder(Path("/labs") / lab.name)
    nothing = Path("/nothing")
    record = LabRecord(
        uri="qemu:///session",
        private=private,
        mark="00000000-0000-0000-0000-000000000000",
        prefix="",
        pool=folder.pool,
        domains={},
        source=lab.name,
        accelerated=accelerated,
        proxy_command=None,
        boot={role: Boot(disk=nothing, kernel=nothing, initrd=nothing) for role in MachineRole},
    )
    keys = {machine.name: HostKey(nothing, "ssh-ed25519 AAAA") for machine in machines(lab)}
    return plan_inventory(lab, record, folder, keys)

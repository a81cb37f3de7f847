"""A whole lab on libvirt: machines, software on top, and what Pulumi says of it."""

from __future__ import annotations

import pulumi

from core.folders import LabFolder
from infra.cluster import Cluster
from infra.host_keys import ensure_host_key
from infra.keeping import note_machines
from infra.libvirt import LibvirtPlatform
from infra.planning import plan_inventory
from infra.software import declare_software
from inventory.record import load_record
from labs.addressing import machines
from labs.model import Lab
from labs.roles import NetworkRole


def declare(lab: Lab, folder: LabFolder) -> None:
    """Declare everything that a lab on libvirt consists of."""
    names = [plan.name for plan in machines(lab)]
    record = load_record(folder).of_machines(names)
    if not pulumi.runtime.is_dry_run():
        note_machines(folder, names)
    host_keys = {name: ensure_host_key(folder, name) for name in names}
    inventory = plan_inventory(lab, record, folder, host_keys)

    cluster = Cluster(
        lab,
        LibvirtPlatform(record, folder.consoles, host_keys),
        folder.ssh_key.with_suffix(".pub").read_text(),
    )
    declare_software(cluster, inventory, folder, record)

    pulumi.export(
        "services",
        {
            service.name: [f"{address}:{service.settings.port}" for address in service.addresses]
            for service in lab.services
        },
    )
    pulumi.export("libvirt_uri", record.uri)
    pulumi.export(
        "machines",
        {
            machine.name: {
                "role": machine.role.value,
                "management": str(machine.interfaces[NetworkRole.MANAGEMENT].address.ip),
                "ssh": f"./halab ssh {lab.name} {machine.name}",
            }
            for machine in inventory.machines
        },
    )

"""A whole lab on libvirt: machines, software on top, and what Pulumi says of it."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from core.folders import LabFolder
from infra.cluster import Cluster
from infra.host_keys import HostKey
from infra.keeping import SOFTWARE, kept_files
from infra.libvirt import LibvirtPlatform
from infra.planning import plan_inventory
from infra.software import Software
from inventory.record import load_inventory, load_record, save
from labs.addressing import machines
from labs.model import Lab
from labs.roles import NetworkRole
from parts.secrets import ensure_secrets


def declare(lab: Lab, folder: LabFolder, host_keys: Mapping[str, HostKey]) -> None:
    """Declare everything that a lab on libvirt consists of."""
    held, names = load_record(folder), [plan.name for plan in machines(lab)]
    record = held.of_machines(names)
    if not pulumi.runtime.is_dry_run():
        # Who leaves is the lab's until it has left, which the software's provider notes.
        save(folder.record, held.of_machines((*names, *_standing(folder))))
    inventory = plan_inventory(lab, record, folder, host_keys)

    cluster = Cluster(
        lab,
        LibvirtPlatform(record, folder.consoles),
        folder.ssh_key.with_suffix(".pub").read_text(),
        host_keys,
    )
    Software(
        SOFTWARE,
        inventory=inventory,
        inventory_path=folder.inventory,
        secrets=ensure_secrets(folder.secrets),
        files=kept_files(folder, record),
        machine_ids={name: machine.machine_id for name, machine in cluster.machines.items()},
        opts=pulumi.ResourceOptions(parent=cluster, depends_on=list(cluster.machines.values())),
    )

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
    pulumi.export("status", f"./halab status {lab.name}")


def _standing(folder: LabFolder) -> list[str]:
    """Return the machines that the lab consists of, whatever it shall; none before it is built."""
    if not folder.inventory.exists():
        return []
    return [machine.name for machine in load_inventory(folder).machines]

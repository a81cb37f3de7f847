"""The Pulumi program of one lab; HALAB_LAB names the lab's folder. It only wires."""

from __future__ import annotations

import os
from pathlib import Path

import pulumi

from core.errors import HalabError
from core.folders import LabFolder
from core.wording import worded
from infra.cluster import Cluster
from infra.engine import DEFINITION
from infra.host_keys import ensure_host_key
from infra.keeping import SOFTWARE, kept_files
from infra.libvirt import LibvirtPlatform
from infra.orphans import LAB
from infra.planning import check_numbers, plan_inventory
from infra.software import Software
from inventory.record import load_record, save
from labs.addressing import machines
from labs.changes import compare, refuse
from labs.loading import load
from labs.roles import NetworkRole
from parts.secrets import ensure_secrets


def build() -> None:
    """Declare everything that the lab consists of."""
    if LAB not in os.environ:
        raise HalabError(
            f"{LAB} is not set: this program builds the lab of one folder",
            hint='`eval "$(./halab env LAB)"` sets it for plain Pulumi; `./halab up` needs nothing',
        )

    folder = LabFolder(Path(os.environ[LAB]))
    record = load_record(folder)
    lab = load(os.environ.get(DEFINITION, str(folder.definition)))
    record = record.of_machines(plan.name for plan in machines(lab))
    if folder.applied.exists():
        # Whoever runs plain Pulumi is not asked anything: what would cost data is refused.
        refuse(lab.name, compare(load(str(folder.applied)), lab))
    check_numbers(lab, folder)
    if not pulumi.runtime.is_dry_run():
        save(folder.record, record)
    host_keys = {plan.name: ensure_host_key(folder, plan.name) for plan in machines(lab)}
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
        files=kept_files(folder),
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


try:
    build()
except (HalabError, OSError) as error:
    # Pulumi shows every other exception as a traceback.
    raise pulumi.RunError(str(worded(error) if isinstance(error, OSError) else error)) from None

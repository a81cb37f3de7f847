"""A whole lab on AWS: machines, software on top, and what Pulumi says of it."""

from __future__ import annotations

from typing import Any

import pulumi

from core.folders import LabFolder
from infra.aws import AwsPlatform
from infra.cluster import Cluster
from infra.keeping import note_machines
from infra.planning import Made, plan_cloud_inventory
from infra.software import declare_software
from inventory.model import Inventory
from inventory.record import load_cloud_record
from labs.addressing import machines
from labs.model import Lab
from labs.tables.aws import Aws


def declare(lab: Lab, folder: LabFolder) -> None:
    """Declare everything that a lab on AWS consists of."""
    assert isinstance(lab.platform, Aws)
    names = [plan.name for plan in machines(lab)]
    record = load_cloud_record(folder).of_machines(names)
    if not pulumi.runtime.is_dry_run():
        note_machines(folder, names)
    public = folder.ssh_key.with_suffix(".pub").read_text()
    platform = AwsPlatform(lab, lab.platform, record, public)
    cluster = Cluster(lab, platform, public)

    def inventory_of(told: dict[str, Any]) -> Inventory:
        made = {name: Made(*told[name]) for name in names}
        return plan_cloud_inventory(lab, record, folder, made, told[ROUTE_TABLE])

    told: dict[str, pulumi.Output[Any]] = {
        name: pulumi.Output.all(each.id, each.public, each.host_key)
        for name, each in platform.instances.items()
    }
    all_told = pulumi.Output.all(**told, **{ROUTE_TABLE: platform.route_table})
    declare_software(cluster, all_told.apply(inventory_of), folder, record)

    pulumi.export(
        "machines",
        {
            name: {
                "instance": each.id,
                "address": each.public,
                "ssh": f"./halab ssh {lab.name} {name}",
            }
            for name, each in platform.instances.items()
        },
    )


ROUTE_TABLE = "the table of routes"
"""Stands among the names of machines, of which none has a blank."""

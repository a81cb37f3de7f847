"""Software as a Pulumi resource: provisioning runs inside `pulumi up`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from core.folders import LabFolder
from infra.cluster import Cluster
from infra.departure import depart
from infra.keeping import SOFTWARE, kept_files
from inventory.known_hosts import write_known_hosts
from inventory.model import Inventory
from inventory.record import Record, load_any, load_inventory, save
from parts.secrets import Secrets, ensure_secrets
from provisioning.drift import find_drift
from provisioning.plan import digest
from provisioning.sequence import apply
from status.health import wait_healthy

Props = dict[str, Any]

COMPARED = ("inventory", "secrets", "machine_ids", "delivered")
"""Inputs whose change means that provisioning has to run again, and that the lab is another one."""

SAID = 3
"""Differences of a machine that are named: a lab that is upgraded has dozens."""

_say_lock = threading.Lock()


def say(sentence: str) -> None:
    """Report progress: Pulumi shows what a dynamic provider prints. Machines work in parallel."""
    with _say_lock:
        print(sentence, flush=True)


class SoftwareProvider(ResourceProvider):
    """Applies an inventory and waits until the cluster is healthy."""

    def create(self, props: Props) -> CreateResult:
        """Provision for the first time; raises HalabError when a step fails."""
        _note_inventory(props)
        _apply(props)
        return CreateResult(id_=Inventory.model_validate_json(props["inventory"]).lab, outs=props)

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        """Provision again; what is as it should be stays untouched."""
        if _changed(olds, news) or _noted_otherwise(news):
            _see_off(news)
            _note_inventory(news)
        _apply(news)
        return UpdateResult(outs=news)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Compare what provisioning depends on; then the machines, which anybody may change."""
        changed = _changed(olds, news) or _noted_otherwise(news)
        return DiffResult(changes=changed or _drifted(news))

    def delete(self, _id: str, _props: Props) -> None:
        """Leave the software alone: its machines are deleted after it."""


def _changed(olds: Props, news: Props) -> bool:
    return any(olds.get(key) != news.get(key) for key in COMPARED)


def _drifted(props: Props) -> bool:
    drift = find_drift(*_inputs(props))
    for machine, differences in drift.items():
        say(f"{machine} is not as it shall be: {', '.join(differences[:SAID])}")
    return bool(drift)


def _standing(props: Props) -> Inventory | None:
    """Return the lab as it was noted last; None where nothing was."""
    folder = _folder(props)
    return load_inventory(folder) if folder.inventory.exists() else None


def _folder(props: Props) -> LabFolder:
    return LabFolder(Path(props["inventory_path"]).parent)


def _noted_otherwise(props: Props) -> bool:
    """Tell whether a run that ended early was about to make another lab of this one."""
    standing = _standing(props)
    return standing is not None and standing != Inventory.model_validate_json(props["inventory"])


def _see_off(props: Props) -> None:
    """Take nodes that leave out of the cluster, while the lab is still what was noted last."""
    standing = _standing(props)
    if standing is not None:
        depart(standing, Inventory.model_validate_json(props["inventory"]), say)


def _note_inventory(props: Props) -> None:
    """Write the inventory; when this was done last tells which snapshots still fit the lab.

    The record forgets who has left behind that: it knows all machines that the inventory does.
    """
    inventory = Inventory.model_validate_json(props["inventory"])
    folder = _folder(props)
    save(folder.inventory, inventory)
    names = (machine.name for machine in inventory.machines)
    save(folder.record, load_any(folder).of_machines(names))
    write_known_hosts(inventory)


def _apply(props: Props) -> None:
    inventory, secrets = _inputs(props)
    apply(inventory, secrets, say)
    wait_healthy(inventory, inventory.timing.healthy_wait_s, say)


def _inputs(props: Props) -> tuple[Inventory, Secrets]:
    inventory = Inventory.model_validate_json(props["inventory"])
    return inventory, Secrets.model_validate_json(props["secrets"])


class Software(Resource):
    """The cluster's software, configured on the machines of an inventory.

    Its inputs keep all that `up` decided, `files` among it: see infra.keeping. Some platforms
    tell only once the machines exist how they are reached: `inventory` may follow from that.
    """

    def __init__(
        self,
        name: str,
        *,
        inventory: pulumi.Input[Inventory],
        inventory_path: Path,
        secrets: Secrets,
        files: dict[str, str],
        machine_ids: dict[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        wanted = pulumi.Output.from_input(inventory)
        super().__init__(
            SoftwareProvider(),
            name,
            {
                "inventory": wanted.apply(lambda lab: lab.model_dump_json()),
                "inventory_path": str(inventory_path),
                "secrets": pulumi.Output.secret(secrets.reveal()),
                "files": pulumi.Output.secret(files),
                "machine_ids": machine_ids,
                "delivered": wanted.apply(lambda lab: digest(lab, secrets)),
            },
            opts,
        )


def declare_software(
    cluster: Cluster, inventory: pulumi.Input[Inventory], folder: LabFolder, record: Record
) -> None:
    """Declare what runs on all machines of a cluster; `up` has decided the rest in the folder."""
    Software(
        SOFTWARE,
        inventory=inventory,
        inventory_path=folder.inventory,
        secrets=ensure_secrets(folder.secrets),
        files=kept_files(folder, record),
        machine_ids={name: machine.machine_id for name, machine in cluster.machines.items()},
        # Their interfaces and disks are resources below them.
        opts=pulumi.ResourceOptions(parent=cluster, depends_on=list(cluster.machines.values())),
    )
    pulumi.export("status", f"./halab status {folder.name}")

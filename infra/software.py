"""Software as a Pulumi resource: provisioning runs inside `pulumi up`."""

from __future__ import annotations

import hashlib
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

import provisioning
from inventory.model import Inventory
from inventory.record import save
from provisioning.secrets import Secrets
from provisioning.sequence import apply
from status.health import wait_healthy

Props = dict[str, Any]

COMPARED = ("inventory", "secrets", "machine_ids", "recipe")
"""Inputs whose change means that provisioning has to run again."""

_say_lock = threading.Lock()


def say(sentence: str) -> None:
    """Report progress: Pulumi shows what a dynamic provider prints. Machines work in parallel."""
    with _say_lock:
        print(sentence, flush=True)


class SoftwareProvider(ResourceProvider):
    """Applies an inventory and waits until the cluster is healthy."""

    def create(self, props: Props) -> CreateResult:
        """Provision for the first time; raises HalabError when a step fails."""
        self._apply(props)
        return CreateResult(id_=Inventory.model_validate_json(props["inventory"]).lab, outs=props)

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        """Provision again; what is as it should be stays untouched."""
        self._apply(news)
        return UpdateResult(outs=news)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Compare what provisioning depends on."""
        changed = [key for key in COMPARED if olds.get(key) != news.get(key)]
        return DiffResult(changes=bool(changed))

    def delete(self, _id: str, _props: Props) -> None:
        """Leave the software alone: its machines are deleted after it."""

    def _apply(self, props: Props) -> None:
        inventory = Inventory.model_validate_json(props["inventory"])
        save(Path(props["inventory_path"]), inventory)
        apply(inventory, Secrets.model_validate_json(props["secrets"]), say)
        wait_healthy(inventory, inventory.timing.healthy_wait_s, say)


class Software(Resource):
    """The cluster's software, configured on the machines of an inventory."""

    def __init__(
        self,
        name: str,
        *,
        inventory: Inventory,
        inventory_path: Path,
        secrets: Secrets,
        machine_ids: dict[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(
            SoftwareProvider(),
            name,
            {
                "inventory": inventory.model_dump_json(),
                "inventory_path": str(inventory_path),
                "secrets": pulumi.Output.secret(secrets.reveal()),
                "machine_ids": machine_ids,
                "recipe": recipe_digest(),
            },
            opts,
        )


def recipe_digest() -> str:
    """Return a digest of everything that provisioning consists of, so that its change is seen."""
    digest = hashlib.sha256()
    folder = Path(provisioning.__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]

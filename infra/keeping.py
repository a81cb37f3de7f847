"""A lab's files, kept in Pulumi's state as well: what is lost or cut off comes back from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from infra.backend import SECRET
from infra.ssh_key import read_ssh_key
from inventory.record import load_inventory, load_record
from labs.loading import load
from provisioning.secrets import load_secrets

SOFTWARE = "software"
"""The resource whose inputs hold them."""

INVENTORY, SECRETS, FILES = "inventory", "secrets", "files"
"""Its inputs: what a file of the same name holds, and a mapping of the others by their paths."""


def kept_files(folder: LabFolder) -> dict[str, str]:
    """Return the files that have no input of their own, by their paths in the lab's folder."""
    paths = (folder.record, folder.definition, folder.ssh_key)
    return {str(path.relative_to(folder.path)): path.read_text() for path in paths}


def lost_files(folder: LabFolder) -> list[str]:
    """Return the files that are missing or damaged, by their paths in the lab's folder."""
    checks: Mapping[Any, Callable[[], object]] = {
        folder.record: lambda: load_record(folder),
        folder.inventory: lambda: load_inventory(folder),
        folder.secrets: lambda: load_secrets(folder.secrets),
        folder.definition: lambda: load(str(folder.definition)),
    }
    lost = []
    for path, check in checks.items():
        try:
            check()
        except (HalabError, OSError):
            lost.append(str(path.relative_to(folder.path)))
    if read_ssh_key(folder) is None:
        lost.append(str(folder.ssh_key.relative_to(folder.path)))
    return lost


def kept_in(deployment: Mapping[str, Any]) -> dict[str, str]:
    """Return what a stack's state holds of the lab's files, by their paths in the lab's folder."""
    for resource in deployment.get("resources", ()):
        if str(resource.get("urn", "")).endswith(f"::{SOFTWARE}"):
            inputs = resource.get("inputs", {})
            named = {f"{name}.json": inputs.get(name) for name in (INVENTORY, SECRETS)}
            files = _plain(inputs.get(FILES)) or {}
            held = {**files, **{path: _plain(value) for path, value in named.items()}}
            return {path: text for path, text in held.items() if isinstance(text, str)}
    return {}


def restore(folder: LabFolder, kept: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Write those of the lab's files again that are lost and kept; `report` hears of each."""
    for path in lost_files(folder):
        if path in kept:
            write_file(folder.path / path, kept[path])
            report(f"{path} was lost or damaged: it is back from Pulumi's state")


def _plain(value: Any) -> Any:
    """Return a value of an exported state; a secret stands there as JSON beside its mark."""
    if isinstance(value, dict) and SECRET in value:
        return json.loads(value["plaintext"])
    return value

"""A lab's files, kept in Pulumi's state as well: what is lost or cut off comes back from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from core.saying import Say
from infra.backend import SECRET
from infra.ssh_key import read_private_key
from inventory.record import Record, load_any, load_inventory, read_record, save, written
from labs.addressing import machines
from labs.loading import load
from parts.secrets import load_secrets

SOFTWARE = "software"
"""The resource whose inputs hold them."""

DEFINITION, APPLIED = "definition.toml", "applied.toml"

INVENTORY, SECRETS, FILES = "inventory", "secrets", "files"
"""Its inputs: what a file of the same name holds, and a mapping of the others by their paths."""


def kept_files(folder: LabFolder, record: Record) -> dict[str, str]:
    """Return the files that have no input of their own, by their paths in the lab's folder.

    `record` is what the lab's shall be in the end: its file has more while machines leave.
    """
    paths = (folder.definition, folder.ssh_key, *_host_keys(folder))
    kept = {path: path.read_text() for path in paths} | {folder.record: written(record)}
    return {str(path.relative_to(folder.path)): text for path, text in kept.items()}


def note_machines(folder: LabFolder, names: Iterable[str]) -> None:
    """Note in the lab's record that it shall consist of these machines.

    Who leaves is the lab's until it has left, which the software's provider notes.
    """
    standing = load_inventory(folder).machines if folder.inventory.exists() else ()
    known = (*names, *(machine.name for machine in standing))
    save(folder.record, load_any(folder).of_machines(known))


def lost_files(folder: LabFolder) -> list[str]:
    """Return the files that are missing or damaged, by their paths in the lab's folder."""
    checks: dict[Path, Callable[[], object]] = {
        folder.record: lambda: read_record(folder),
        folder.inventory: lambda: load_inventory(folder),
        folder.secrets: lambda: load_secrets(folder.secrets),
        folder.definition: lambda: load(str(folder.definition)),
    }
    if folder.applied.exists():
        checks[folder.applied] = lambda: load(str(folder.applied))
    lost = []
    for path, check in checks.items():
        try:
            check()
        except (HalabError, OSError):
            lost.append(str(path.relative_to(folder.path)))
    keys = (folder.ssh_key, *_host_keys(folder))
    lost += [str(key.relative_to(folder.path)) for key in keys if read_private_key(key) is None]
    return lost


def _host_keys(folder: LabFolder) -> list[Path]:
    """Return the files with the host keys that halab gave; none when no definition tells of any."""
    try:
        lab = load(str(folder.definition))
    except HalabError:
        return []
    if not lab.platform.gives_host_keys:
        return []
    return [folder.host_keys / plan.name for plan in machines(lab)]


def kept_in(deployment: Mapping[str, Any]) -> dict[str, str]:
    """Return what a stack's state holds of the lab's files, by their paths in the lab's folder."""
    for resource in deployment.get("resources", ()):
        if str(resource.get("urn", "")).endswith(f"::{SOFTWARE}"):
            inputs = resource.get("inputs", {})
            named = {f"{name}.json": inputs.get(name) for name in (INVENTORY, SECRETS)}
            files = _plain(inputs.get(FILES)) or {}
            # The state was brought to this definition.
            applied = {APPLIED: files[DEFINITION]} if DEFINITION in files else {}
            held = {**applied, **files, **{path: _plain(value) for path, value in named.items()}}
            return {path: text for path, text in held.items() if isinstance(text, str)}
    return {}


def restore(folder: LabFolder, kept: Mapping[str, str], report: Say) -> None:
    """Write those of the lab's files again that are lost and kept; `report` hears of each."""
    # A definition that comes back tells which machines have host keys.
    for path in dict.fromkeys((*lost_files(folder), *kept)):
        if path in kept and path in lost_files(folder):
            write_file(folder.path / path, kept[path])
            report(f"{path} was lost or damaged: it is back from Pulumi's state")


def _plain(value: Any) -> Any:
    """Return a value of an exported state; a secret stands there as JSON beside its mark."""
    if isinstance(value, dict) and SECRET in value:
        return json.loads(value["plaintext"])
    return value

"""What `up` decided for a lab, once, so that every later command sees the same lab."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TypeVar

from pydantic import ConfigDict, ValidationError

from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from inventory.frozen import Frozen
from inventory.model import Inventory
from inventory.place import Place
from labs.roles import MachineRole

Kind = TypeVar("Kind", bound=Frozen)


class Boot(Frozen):
    """Files that machines of one role start from: a qcow2 disk, a kernel and its initrd."""

    disk: Path
    kernel: Path
    initrd: Path


class LabRecord(Place):
    """Where a lab runs and what it was built from.

    `source` is the definition as the person named it; `accelerated` whether guests run on KVM;
    `proxy_command` leads ssh into a private hypervisor's network. Keys that are not known are
    passed over: an older halab wrote them.
    """

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    source: str
    accelerated: bool
    proxy_command: str | None
    boot: dict[MachineRole, Boot]

    def of_machines(self, names: Iterable[str]) -> LabRecord:
        """Return the record of the lab when it consists of these machines."""
        return self.model_copy(update={"domains": self.named(names, self.prefix)})


def load_record(folder: LabFolder) -> LabRecord:
    """Read the lab's record as `read_record` does.

    Raises HalabError too when it is another lab's: somebody copied or moved the folder, and the
    machines that it names are those of the lab that it was.
    """
    record = read_record(folder)
    if record.private and os.path.realpath(record.pool) != os.path.realpath(folder.pool):
        whose, remove = f"disks are in {record.pool}", f"`./halab down {folder.name}`"
    elif not record.private and record.prefix != folder.prefix:
        whose, remove = (
            f"machines are called {record.prefix}...",
            f"`rm -r {quote(str(folder.path))}`",
        )
    else:
        return record
    raise HalabError(
        f"{folder.record} is of another lab, whose {whose}",
        hint=f"move {folder.path} back to where it was; if it is a copy, {remove} removes it alone",
    )


def read_record(folder: LabFolder) -> LabRecord:
    """Read the record in a folder; raises HalabError when there is no lab or the file is broken."""
    return _load(LabRecord, folder.record, folder)


def load_inventory(folder: LabFolder) -> Inventory:
    """Read the lab's inventory; raises HalabError when there is none yet or the file is broken."""
    return _load(Inventory, folder.inventory, folder)


def save(path: Path, value: Frozen) -> None:
    """Write a record or an inventory as JSON, in one step and readable by its owner alone."""
    write_file(path, written(value))


def written(value: Frozen) -> str:
    """Return the text of a record's or an inventory's file."""
    return json.dumps(value.model_dump(mode="json"), indent=2) + "\n"


def _load(kind: type[Kind], path: Path, folder: LabFolder) -> Kind:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise HalabError(
            f"lab {folder.name!r} has no {path.name}",
            hint=f"`./halab list` shows the labs; `./halab up {folder.name}` builds this one",
        ) from error
    except ValidationError as error:
        raise HalabError(
            f"{path} is damaged",
            detail=str(error),
            hint=f"`./halab up {folder.name}` brings it back, `./halab down {folder.name}` removes "
            "the lab",
        ) from error

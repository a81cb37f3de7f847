"""What `up` decided for a lab, once, so that every later command sees the same lab.

A record is of the kind that the lab's platform is: what only machines on libvirt have, such as
snapshots, asks for that one with `load_record`, and whatever any lab has takes `load_any`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from inventory.frozen import Frozen
from inventory.mark import mark_of
from inventory.model import Inventory
from inventory.place import Place
from labs.roles import MachineRole

Kind = TypeVar("Kind")


class Boot(Frozen):
    """Files that machines of one role start from: a qcow2 disk, a kernel and its initrd."""

    disk: Path
    kernel: Path
    initrd: Path


class LabRecord(Place):
    """Where a lab runs and what it was built from.

    `source` is the definition as the person named it; `accelerated` whether guests run on KVM;
    `proxy_command` leads ssh into a private hypervisor's network.
    """

    version: Literal[1] = 1
    kind: Literal["libvirt"] = "libvirt"
    source: str
    accelerated: bool
    proxy_command: str | None
    boot: dict[MachineRole, Boot]

    @property
    def machines(self) -> tuple[str, ...]:
        """The lab's machines, by name."""
        return tuple(self.domains)

    def of_machines(self, names: Iterable[str]) -> LabRecord:
        """Return the record of the lab when it consists of these machines."""
        return self.model_copy(update={"domains": self.named(names, self.prefix)})


class CloudRecord(Frozen):
    """Where a lab runs that AWS has, and whose it is there.

    `source` is the definition as the person named it; `endpoint` a server that answers in AWS's
    stead, as a URL, and `seen_from_machines` where the lab's own machines find it. `proxy_command`
    leads ssh to their public addresses where the world does not know these. `machines` are the
    lab's, by name; `accelerated` whether they run as fast as on KVM, as instances of AWS do.
    `until` is when they shall switch themselves off, None for never.
    """

    private: ClassVar[bool] = False
    """No hypervisor of halab's own stands behind it: there are no snapshots."""

    version: Literal[1] = 1
    kind: Literal["aws"] = "aws"
    source: str
    region: str
    endpoint: str | None = None
    seen_from_machines: str | None = None
    proxy_command: str | None = None
    mark: str
    machines: tuple[str, ...]
    accelerated: bool = True
    until: AwareDatetime | None = None

    @property
    def platform(self) -> str:
        """The platform's name as `status` and `list` show it."""
        answers = "" if self.endpoint is None else f", {self.endpoint} in its stead"
        return f"AWS ({self.region}{answers})"

    @property
    def rehearsed(self) -> bool:
        """Whether instances are guests of this machine, which end with the lab's hypervisor."""
        return self.proxy_command is not None

    def of_machines(self, names: Iterable[str]) -> CloudRecord:
        """Return the record of the lab when it consists of these machines."""
        return self.model_copy(update={"machines": tuple(dict.fromkeys(names))})


Record = LabRecord | CloudRecord

_OF_ANY_KIND: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def load_record(folder: LabFolder) -> LabRecord:
    """Read the record of a lab on libvirt as `load_any` does.

    Raises HalabError too for a lab elsewhere: whoever calls this needs a hypervisor at hand.
    """
    record = load_any(folder)
    if isinstance(record, LabRecord):
        return record
    raise HalabError(
        f"lab {folder.name!r} stands on {record.platform}: this can only be done to a lab whose "
        "hypervisor halab has in its hands",
        hint="docs/aws.md says what can be done to a lab on AWS",
    )


def load_cloud_record(folder: LabFolder) -> CloudRecord:
    """Read the record of a lab on AWS as `load_any` does; raises HalabError for any other."""
    record = load_any(folder)
    if isinstance(record, CloudRecord):
        return record
    raise HalabError(
        f"lab {folder.name!r} stands on {record.platform}, and its definition says AWS",
        hint=f"a lab cannot move to another platform: `./halab down {folder.name}` first",
    )


def load_any(folder: LabFolder) -> Record:
    """Read the lab's record as `read_record` does.

    Raises HalabError too when it is another lab's: somebody copied or moved the folder, and the
    machines that it names are those of the lab that it was.
    """
    record = read_record(folder)
    if isinstance(record, CloudRecord):
        whose, remove = f"mark on AWS is {record.mark}", f"`rm -r {quote(str(folder.path))}`"
        if record.mark == mark_of(folder):
            return record
    elif record.private and os.path.realpath(record.pool) != os.path.realpath(folder.pool):
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


def read_record(folder: LabFolder) -> Record:
    """Read the record in a folder; raises HalabError when there is no lab or the file is broken."""
    return _load(_OF_ANY_KIND, folder.record, folder)


def load_inventory(folder: LabFolder) -> Inventory:
    """Read the lab's inventory; raises HalabError when there is none yet or the file is broken."""
    return _load(TypeAdapter(Inventory), folder.inventory, folder)


def save(path: Path, value: Frozen) -> None:
    """Write a record or an inventory as JSON, in one step and readable by its owner alone."""
    write_file(path, written(value))


def written(value: Frozen) -> str:
    """Return the text of a record's or an inventory's file."""
    return json.dumps(value.model_dump(mode="json"), indent=2) + "\n"


def _load(kind: TypeAdapter[Kind], path: Path, folder: LabFolder) -> Kind:
    try:
        return kind.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise HalabError(
            f"lab {folder.name!r} has no {path.name}",
            hint=f"`./halab list` shows the labs; `./halab up {folder.name}` builds this one",
        ) from error
    except ValidationError as error:
        raise HalabError(
            f"{path} is damaged",
            detail=str(error),
            hint=f"`./halab up {folder.name}` brings it back where Pulumi's state keeps it; "
            f"otherwise `./halab down {folder.name}` removes what is left of the lab",
        ) from error

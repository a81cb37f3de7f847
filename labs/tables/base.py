"""What tables are made of: their base class, and the values that several of them hold."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    WithJsonSchema,
)

from labs.notes import Note
from labs.subnets import parse_address, parse_subnet
from labs.words import TAKEN_NAMES, TAKEN_SERVICES, TAKEN_STORAGE, TargetWord

HOST_NAME = r"^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$"
"""A host name (RFC 1123) in lower case, short enough for libvirt names and tables."""

PART_NAME = r"^[a-z][a-z0-9]{0,11}$"
"""Part of resource ids, mount points and, behind "virtio-", of a disk's serial number, of which
virtio keeps 20 bytes."""

DOTTED = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
"""What an IPv4 address looks like to an editor."""

NAME_ALLOWED = (
    "up to 15 lower-case letters, digits and hyphens; a letter first, no hyphen last, no taken word"
)
PART_NAME_ALLOWED = "up to 12 lower-case letters and digits; a letter first, no taken word"
ADDRESS_ALLOWED = (
    "an IPv4 address of the service network that no machine, no other service and not the platform "
    'has, as "10.30.0.100"'
)


def _node(name: str) -> str:
    if name in TAKEN_NAMES:
        raise ValueError(TAKEN_NAMES[name])
    return name


def _monitor(name: str) -> str:
    return name if name == TargetWord.MONITOR else _node(name)


def _service(name: str) -> str:
    if name in TAKEN_SERVICES:
        raise ValueError(TAKEN_SERVICES[name])
    return name


def _storage(name: str) -> str:
    if name in TAKEN_STORAGE:
        raise ValueError(TAKEN_STORAGE[name])
    return name


def _none_of(words: Iterable[str]) -> dict[str, Any]:
    """Say of a name in JSON's schema what its validator refuses."""
    return {"not": {"enum": sorted(map(str, words))}}


_NODE = Field(pattern=HOST_NAME, json_schema_extra=_none_of(TAKEN_NAMES))
_MONITOR = Field(
    pattern=HOST_NAME, json_schema_extra=_none_of(TAKEN_NAMES.keys() - {TargetWord.MONITOR})
)
_SERVICE = Field(json_schema_extra=_none_of(TAKEN_SERVICES))
_STORAGE = Field(json_schema_extra=_none_of(TAKEN_STORAGE))

NodeName = Annotated[StrictStr, _NODE, AfterValidator(_node)]
MonitorName = Annotated[StrictStr, _MONITOR, AfterValidator(_monitor)]
PartName = Annotated[StrictStr, Field(pattern=PART_NAME), Note(allowed=PART_NAME_ALLOWED)]
ServiceName = Annotated[PartName, _SERVICE, AfterValidator(_service)]
StorageName = Annotated[PartName, _STORAGE, AfterValidator(_storage)]
Subnet = Annotated[
    IPv4Network,
    BeforeValidator(parse_subnet),
    WithJsonSchema({"type": "string", "pattern": rf"^{DOTTED}/(1[6-9]|2[0-8])$"}),
]
Address = Annotated[
    IPv4Address,
    BeforeValidator(parse_address),
    WithJsonSchema({"type": "string", "pattern": f"^{DOTTED}$"}),
]


class Table(BaseModel):
    """A table of the definition: immutable, and an error on every key that is not known.

    `short` is the type of a value that may stand for a whole table, in JSON's words.
    """

    short: ClassVar[str] = ""

    title: ClassVar[str] = ""
    """How the program behind a kind writes itself; the kind will do where nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

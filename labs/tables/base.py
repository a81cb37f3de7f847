"""What tables are made of: their base class, and the values that several of them hold."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from labs.notes import Note
from labs.subnets import parse_address, parse_subnet
from labs.words import TAKEN_NAMES, TAKEN_SERVICES, TAKEN_STORAGE, TargetWord

HOST_NAME = r"^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$"
"""A host name (RFC 1123) in lower case, short enough for libvirt names and tables."""

PART_NAME = r"^[a-z][a-z0-9]{0,11}$"
"""Part of resource ids, mount points and, behind "virtio-", of a disk's serial number, of which
virtio keeps 20 bytes."""

NAME_ALLOWED = "up to 15 lower-case letters, digits and hyphens, a letter first, and no taken word"
PART_NAME_ALLOWED = "up to 12 lower-case letters and digits, a letter first, and no taken word"
ADDRESS_ALLOWED = 'a free IPv4 address of the service network, as "10.30.0.100"'


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


NodeName = Annotated[StrictStr, Field(pattern=HOST_NAME), AfterValidator(_node)]
MonitorName = Annotated[StrictStr, Field(pattern=HOST_NAME), AfterValidator(_monitor)]
PartName = Annotated[StrictStr, Field(pattern=PART_NAME), Note(allowed=PART_NAME_ALLOWED)]
ServiceName = Annotated[PartName, AfterValidator(_service)]
StorageName = Annotated[PartName, AfterValidator(_storage)]
Subnet = Annotated[IPv4Network, BeforeValidator(parse_subnet)]
Address = Annotated[IPv4Address, BeforeValidator(parse_address)]


class Table(BaseModel):
    """A table of the definition: immutable, and an error on every key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

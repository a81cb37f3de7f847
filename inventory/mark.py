"""The mark by which a lab knows its own objects in a libvirt that others use as well.

A name says nothing about who made an object, so every one carries the mark: domains and networks in
their metadata, the pool in its UUID, volumes in their name. It follows from an identity that the
state folder keeps beside its labs, and is the same again when a lab's own folder is lost.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4, uuid5
from xml.etree import ElementTree

from core.files import write_file
from core.folders import LabFolder

NAMESPACE = "urn:halab:lab"
"""The XML namespace of what halab writes into libvirt's metadata (infra/mark.xsl.j2)."""


def mark_of(folder: LabFolder) -> str:
    """Return the mark of the lab in this folder, which need not exist: a UUID in text."""
    return str(uuid5(_owner(owner_file(folder)), folder.name))


def owner_file(folder: LabFolder) -> Path:
    """Return where the identity is kept: without it, no lab knows its objects again."""
    return folder.path.parent.parent / "owner"


def pool_uuid(mark: str) -> str:
    """Return the UUID of the pool that belongs to a lab: pools have no metadata."""
    return str(uuid5(UUID(mark), "pool"))


def volume_name(mark: str, name: str) -> str:
    """Return how a lab calls one of its volumes: they have neither metadata nor a UUID."""
    return f"{_start(mark)}{name}"


def is_own_volume(mark: str, name: str) -> bool:
    """Tell whether a volume in the lab's pool is one that halab made."""
    return name.startswith(_start(mark))


def mark_in(description: ElementTree.Element) -> str | None:
    """Return the mark in the XML of a domain or network; None when there is none."""
    return _written(description, "mark")


def folder_in(description: ElementTree.Element) -> str | None:
    """Return the folder of the lab that a domain or network says it belongs to."""
    return _written(description, "folder")


def subnet_in(description: ElementTree.Element) -> str | None:
    """Return the subnet that a lab uses on a network, with or without an address of libvirt's."""
    return _written(description, "subnet")


def _written(description: ElementTree.Element, key: str) -> str | None:
    return description.findtext(f"metadata/{{{NAMESPACE}}}lab/{{{NAMESPACE}}}{key}")


def _start(mark: str) -> str:
    return f"{mark.partition('-')[0]}-"


def _owner(path: Path) -> UUID:
    """Return the random identity of whoever has this state folder, made at its first use."""
    try:
        return UUID(path.read_text().strip())
    except (FileNotFoundError, ValueError):
        made = uuid4()
    write_file(path, f"{made}\n")
    return made

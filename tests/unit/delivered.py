"""What a lab is given: its machines files, its cluster a configuration."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from inventory.model import Inventory, Machine
from parts.all import Parts
from parts.host import Entry, File
from provisioning import cib
from tests.unit.provisioned_lab import fresh, plan_of


def files(lab: Inventory, machine: Machine | None = None) -> dict[str, Entry]:
    """Return what stands on a machine, by path; on the first node, if none is named."""
    found = plan_of(lab, fresh(lab)).files(machine or lab.nodes[0])
    return {file.path: file for file in found}


def content(path: str, lab: Inventory, machine: Machine | None = None) -> str:
    """Return the text of a file that stands there."""
    found = files(lab, machine)[path]
    assert isinstance(found, File)
    return found.data.decode()


def desired(lab: Inventory) -> str:
    """Return the cluster's configuration."""
    return cib.desired(Parts(lab))


def resources(lab: Inventory) -> Element:
    """Return the same as XML."""
    return ElementTree.fromstring(desired(lab))

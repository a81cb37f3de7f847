"""What a cluster's configuration says besides resources: properties, defaults, alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal
from xml.etree.ElementTree import Element, SubElement

from parts.cluster import Values, attributes, seconds, utilization


@dataclass(frozen=True)
class Properties:
    """Options of the cluster as a whole, in the set that Pacemaker's own tools write to."""

    values: Values
    id: ClassVar[str] = "cib-bootstrap-options"

    def element(self) -> Element:
        """Return them as XML."""
        return attributes("cluster_property_set", self.id, self.values, self.id)


@dataclass(frozen=True)
class Defaults:
    """Meta attributes of every resource, or of every operation, that has none of its own."""

    id: str
    values: Values

    def element(self) -> Element:
        """Return them as XML."""
        return attributes("meta_attributes", self.id, self.values, self.id)


@dataclass(frozen=True)
class Capacity:
    """How much load a node takes; `number` is its corosync node id."""

    node: str
    number: int
    load: int

    def element(self) -> Element:
        """Return it as XML."""
        found = Element("node", id=str(self.number), uname=self.node)
        found.append(utilization(self.node, self.load))
        return found


@dataclass(frozen=True)
class Alert:
    """A program that Pacemaker runs on every node for each event of the kinds in `select`."""

    id: str
    path: str
    timeout_s: int
    select: tuple[Literal["nodes", "fencing", "resources", "attributes"], ...]

    def element(self) -> Element:
        """Return it as XML."""
        found = Element("alert", id=self.id, path=self.path)
        meta = {"timeout": seconds(self.timeout_s)}
        found.append(attributes("meta_attributes", f"{self.id}-meta", meta, self.id))
        chosen = SubElement(found, "select")
        for kind in self.select:
            SubElement(chosen, f"select_{kind}")
        return found

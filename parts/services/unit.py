"""Services that are a unit of systemd: no agent is made for them."""

from __future__ import annotations

from typing import ClassVar

from labs.durations import Operations
from parts.cluster import Primitive, advised, operations
from parts.services.base import MONITOR_S, ServicePart


class UnitPart(ServicePart):
    """A service whose unit Pacemaker starts, systemd never."""

    unit: ClassVar[str]

    @property
    def timeouts(self) -> Operations:
        """As Pacemaker advises for units of systemd."""
        return advised(self.timing, start=100, stop=100, monitor=100, every_s=MONITOR_S)

    @property
    def primitive(self) -> Primitive:
        """The unit. Pacemaker keeps systemd from starting it again when it dies."""
        agent = f"systemd:{self.unit.removesuffix('.service')}"
        return Primitive(self.service.resource, agent, operations(self.timeouts))

"""What clients use: one class a kind of service."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field, StrictInt

from labs.tables.base import ADDRESS_ALLOWED, PART_NAME_ALLOWED, Address, PartName, Table

PORT_ALLOWED = "a TCP port from 1 to 65535 that the nodes leave free"
STORAGE_ALLOWED = f"the name of a [storage] table: {PART_NAME_ALLOWED}"
TO_ALLOWED = 'the name of a [services] table of kind "nginx" that runs "everywhere"'

Port = Annotated[StrictInt, Field(ge=1, le=65535)]


class ServiceTable(Table):
    """What every service has.

    `address` is where clients find a service that runs on one node; halab chooses one that fits
    when it is left out.
    """

    address: Address | None = Field(default=None, description=ADDRESS_ALLOWED)
    storage: PartName | None = Field(default=None, description=STORAGE_ALLOWED)

    @property
    def everywhere(self) -> bool:
        """Whether the service runs on all nodes at once."""
        return False

    @property
    def given(self) -> tuple[IPv4Address, ...]:
        """The floating addresses that the definition chooses for it."""
        return () if self.address is None else (self.address,)

    @property
    def passes_to(self) -> str | None:
        """The name of the service to whose servers it passes requests on."""
        return None


class SpreadTable(ServiceTable):
    """What a service has that may run everywhere: then each node has a floating address for it."""

    runs: Literal["one-node", "everywhere"] = Field(
        default="one-node", description='"one-node" or "everywhere"'
    )
    addresses: tuple[Address, ...] = Field(
        default=(), description=f"as many as there are nodes, each {ADDRESS_ALLOWED}"
    )

    @property
    def everywhere(self) -> bool:
        """Whether the service runs on all nodes at once."""
        return self.runs == "everywhere"

    @property
    def given(self) -> tuple[IPv4Address, ...]:
        """The floating addresses that the definition chooses for it."""
        return self.addresses if self.everywhere else super().given


class Nginx(SpreadTable):
    """[services.NAME] kind = "nginx": a web server.

    On one node it serves what its storage holds, everywhere pages of its own.
    """

    kind: Literal["nginx"] = Field(default="nginx", description='"nginx"')
    port: Port = Field(default=80, description=PORT_ALLOWED)


class Haproxy(SpreadTable):
    """[services.NAME] kind = "haproxy": a load balancer before the servers of another service."""

    kind: Literal["haproxy"] = Field(description='"haproxy"')
    port: Port = Field(default=80, description=PORT_ALLOWED)
    to: PartName = Field(description=TO_ALLOWED)
    storage: None = Field(default=None, description="nothing: it keeps no data")

    @property
    def passes_to(self) -> str:
        """The name of the service to whose servers it passes requests on."""
        return self.to


class Postgresql(ServiceTable):
    """[services.NAME] kind = "postgresql": a database on replicated storage."""

    kind: Literal["postgresql"] = Field(description='"postgresql"')
    port: Port = Field(default=5432, description=PORT_ALLOWED)
    storage: PartName = Field(description=STORAGE_ALLOWED)


AnyService = Annotated[Nginx | Haproxy | Postgresql, Field(discriminator="kind")]


class Web(Table):
    """[service]: short for a single web server on replicated storage."""

    address: Address | None = Field(default=None, description=ADDRESS_ALLOWED)
    port: Port = Field(default=80, description=PORT_ALLOWED)

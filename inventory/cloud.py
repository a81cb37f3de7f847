"""What nodes have to know of the cloud that they are in, to ask it for something."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import ClassVar

from inventory.frozen import Frozen


class Cloud(Frozen):
    """A lab's place in AWS. The ids are known once the machines exist: the platform tells them.

    `instances` are the ids of the nodes' instances by the nodes' names. `route_table` is the id of
    the table that leads to floating addresses, that of the service network. `endpoint` is a server
    that answers nodes in AWS's stead, as a URL that they can reach.
    """

    clock: ClassVar[IPv4Address] = IPv4Address("169.254.169.123")
    """Where instances ask for the time (Amazon Time Sync), in any region."""

    region: str
    instances: dict[str, str]
    route_table: str
    endpoint: str | None = None

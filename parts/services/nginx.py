"""A web server."""

from __future__ import annotations

from inventory.model import Inventory
from parts.cluster import Primitive, operations

CONFIGURATION = "/etc/nginx/halab.conf"

PRIMITIVE = "web"
"""Id in the cluster's configuration."""


def members(inventory: Inventory) -> tuple[Primitive, ...]:
    """Return what the service has in its group.

    OCF_CHECK_LEVEL 10 makes the monitor ask for a page; without it, it only looks for processes.
    """
    web = Primitive(
        PRIMITIVE,
        "ocf:halab:nginx",
        operations(inventory.timing.web, monitor={"OCF_CHECK_LEVEL": 10}),
        {
            "configfile": CONFIGURATION,
            "status10url": f"http://127.0.0.1:{inventory.service.port}/ping",
            "status10regex": "^ok",
        },
    )
    return (web,)

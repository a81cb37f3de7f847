"""All parts of a lab together: what they put into the configuration of its cluster."""

from __future__ import annotations

from inventory.model import Inventory
from parts import pacemaker
from parts.addresses import cable, ipaddr2
from parts.cluster import Group, Primitive, Resource
from parts.constraints import Constraint
from parts.fencing import sbd
from parts.monitoring import zabbix
from parts.services import nginx
from parts.settings import Alert, Defaults, Properties
from parts.storage import drbd

SERVICE = "service"
"""Id of the group of what clients use: it runs on one node, the active one."""


def properties(inventory: Inventory, dc_deadtime_s: int) -> Properties:
    """Return the properties of the cluster."""
    return Properties(
        {**pacemaker.properties(inventory, dc_deadtime_s), **sbd.properties(inventory)}
    )


def resources(inventory: Inventory) -> tuple[Resource, ...]:
    """Return everything that the cluster runs."""
    return (
        *drbd.resources(inventory),
        Group(SERVICE, members(inventory)),
        *sbd.resources(inventory),
        *cable.resources(inventory),
    )


def members(inventory: Inventory) -> tuple[Primitive, ...]:
    """Return the members of the service's group.

    The server finds its data, and who finds the address finds a server behind it.
    """
    return (*drbd.members(inventory), *nginx.members(inventory), *ipaddr2.members(inventory))


def constraints() -> tuple[Constraint, ...]:
    """Return where the service may run, and when."""
    return (*drbd.constraints(SERVICE), *cable.constraints(SERVICE))


def defaults(inventory: Inventory) -> Defaults:
    """Return what holds for every resource."""
    return pacemaker.defaults(inventory)


def alerts(inventory: Inventory) -> tuple[Alert, ...]:
    """Return whom the cluster tells its events."""
    return zabbix.alerts(inventory)

"""Homes: nodes that clients find an address or a service at whenever those can have it.

What has a home goes there as soon as the cluster lets it, and moves for no other reason than
without one. Scores are weighed against stickiness: `tests/unit/test_homes.py` holds them to it.
"""

from __future__ import annotations

from inventory.model import Inventory
from inventory.parts import Service
from parts.constraints import Preference

ADDRESS_SCORE = 200
"""More than the stickiness of one resource: of an address where the service runs everywhere."""

SERVICE_SCORE = 1000
"""More than the stickiness of all members of a group together, and the same for all groups. Found
with crm_simulate of Pacemaker 3.0.0: a group of three whose members want to stay by 100 each goes
home at 301 and not at 299."""


def score(service: Service) -> int:
    """Return how much each of a service's resources wants to be at home; 0 where it has none."""
    if service.everywhere:
        return ADDRESS_SCORE
    return 0 if service.settings.home is None else SERVICE_SCORE


def preferences(inventory: Inventory, service: Service) -> tuple[Preference, ...]:
    """Return what makes a service's resources go home: addresses one by one, or its group."""
    homes = inventory.homes(service)
    if not service.everywhere:
        return tuple(
            Preference(service.group, node, score(service)) for node in set(homes.values())
        )
    return tuple(
        Preference(name, homes[address.ip], score(service))
        for name, address in service.address_ids.items()
    )

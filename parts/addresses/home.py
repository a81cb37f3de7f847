"""Homes: nodes that clients find an address or a service at whenever those can have it.

What has a home goes there as soon as the cluster lets it, and moves for no other reason than
without one. Scores are weighed against stickiness: `tests/unit/test_homes.py` holds them to it.
"""

from __future__ import annotations

from math import ceil

from inventory.model import Inventory
from inventory.parts import Service
from labs.tables.services import HOME_SCORE
from parts.addresses import ready
from parts.constraints import Preference

ADDRESS_SCORE = 200
"""More than the stickiness of one resource: of an address where the service runs everywhere."""

AT_FIRST = 1
"""Enough to be at home as long as nothing runs anywhere, and no reason to move."""

SERVICE_SCORE = HOME_SCORE
"""More than the usual stickiness of all members of a group together, and the same for all groups.
Found with crm_simulate of Pacemaker 3.0.0: a group of two, three or four, on replicated storage or
without, goes home where this is more than the sum of its members' stickiness, and stays where both
are the same."""


def score(inventory: Inventory, service: Service) -> int:
    """Return how much each of a service's resources wants to be at home; 0 where it has none."""
    if service.everywhere:
        return ADDRESS_SCORE
    return SERVICE_SCORE if _home(inventory, service) else 0


def stickiness(service: Service, members: int) -> int | None:
    """Return how much each of so many members of its group wants to stay; None for the usual.

    All together want it as much as the definition says, or are on the same side of its home.
    """
    total = service.settings.stickiness
    if total is None:
        return None
    return max(1, total // members) if service.settings.returns else ceil(total / members)


def preferences(inventory: Inventory, service: Service) -> tuple[Preference, ...]:
    """Return what makes a service's resources go home: addresses one by one, or its group."""
    wish = score(inventory, service)
    if not service.everywhere:
        home = _home(inventory, service)
        return () if home is None else (Preference(service.group, home, wish),)
    homes, condition = inventory.homes(service), ready.condition(service)
    at_home = [(name, homes[address.ip]) for name, address in service.address_ids.items()]
    # One that is promoted may need minutes where it begins: its address is not kept waiting there.
    at_first = () if service.settings.promoted else at_home
    return (
        *(Preference(name, node, AT_FIRST) for name, node in at_first),
        *(Preference(name, node, wish, condition) for name, node in at_home),
    )


def _home(inventory: Inventory, service: Service) -> str | None:
    """Return where a service wants to be: at its own home, or where it goes home with another.

    Each that follows adds its wish to that of the other, as it adds its stickiness.
    """
    return service.settings.home or next(iter(inventory.homes(service).values()), None)

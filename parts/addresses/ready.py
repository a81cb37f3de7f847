"""Where a service is ready: what the homes of its addresses wait for.

Pacemaker stops an address as soon as it plans a server at its home, and starts it there when that
is done: clients would wait for as long as the server needs to start, or for what it missed. To stop
it no sooner by an order of its own (kind Optional) makes transitions that the cluster cannot carry
out, when a server is started again where it was (crm_simulate of Pacemaker 3.0.0: "An invalid
transition was produced"). So a home counts only while a node attribute says that clients are served
there, and until then an address wants to stay where it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from inventory.model import Inventory
from inventory.parts import Service
from parts.base import Part
from parts.cluster import Clone, Primitive, Resource, Role, advised, every, operations
from parts.constraints import Colocation, Constraint, Expression, Order
from parts.seen import Seen

READY = 1
"""What the attribute is where the resource runs (ocf:pacemaker:attribute: `active_value`)."""


def where_served(service: Service, user: str) -> tuple[Colocation, Order]:
    """Return what has a resource run where clients find a server, and start no sooner.

    Where it wants to be is nothing to who is promoted. That would count for resources again which
    go where one is, and none would go home (crm_simulate of Pacemaker 3.0.0).
    """
    clone, served = service.group, service.served
    role: Role | None = "Promoted" if served == "promote" else None
    return (
        Colocation(user, clone, role, influence=role is None),
        Order(clone, served, user),
    )


def condition(service: Service) -> Expression | None:
    """Return what is true of a node at which a service is ready; None where nobody has to know."""
    if service.ready is None:
        return None
    return Expression("ready", service.ready, "eq", READY)


class Readiness(Part):
    """What tells of every node whether a service is ready there."""

    def __init__(self, inventory: Inventory, service: Service, name: str) -> None:
        """Take the id of the resource, which is the attribute's name as well."""
        super().__init__(inventory)
        self.service = service
        self.name = name
        self.clone = f"{name}-everywhere"

    def resources(self) -> tuple[Resource, ...]:
        """Return what sets the attribute, with timeouts as its agent advises.

        The agent comes with Pacemaker itself.
        """
        every_s = every(self.timing, 10)
        timeouts = advised(self.timing, start=20, stop=20, monitor=20, every_s=every_s)
        primitive = Primitive(
            self.name, "ocf:pacemaker:attribute", operations(timeouts), {"name": self.name}
        )
        return (Clone(self.clone, primitive, {"interleave": "true"}),)

    def constraints(self) -> tuple[Constraint, ...]:
        """Return what has it run where the service is ready.

        A server that is only started is started again where it was, within seconds, and its node
        stays ready: the address waits there. One that has to be promoted may need minutes.
        """
        if self.service.settings.promoted:
            return where_served(self.service, self.clone)
        return (Order(self.service.group, "start", self.clone, symmetrical=False),)

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell of which node nobody says that it is ready: no address would come home there."""
        yield from seen.not_started(self.name)

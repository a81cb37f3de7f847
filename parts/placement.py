"""What services have to do with each other: on whose node they run, and after whom they start.

What is told of groups holds for all members. Found with crm_simulate of Pacemaker 3.0.0: of two
groups that are apart the one that yields must not stand on replication, or it is nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from inventory.parts import Service
from labs.placement import apart_pairs
from parts.base import Part
from parts.constraints import Colocation, Constraint, Order
from parts.seen import Seen


class Placement(Part):
    """Where the services of a lab run with regard to others."""

    def constraints(self) -> tuple[Constraint, ...]:
        """Return what keeps services together and apart, and lets one start after another."""
        return (
            *(Colocation(one.group, other.group) for one, other in self._followers()),
            *(
                Colocation(last.group, first.group, score="-INFINITY")
                for first, last in self._apart()
            ),
            *(
                Order(self.inventory.service(name).group, "start", service.group)
                for service in self.inventory.services
                for name in service.settings.after
            ),
        )

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell who is not where another is whom it follows, and who is where another is.

        Each machine's own kernel is asked who has an address.
        """
        for one, other in self._followers():
            here, there = _nodes(one, seen), _nodes(other, seen)
            if here and there and here != there:
                yield (
                    f"service {one.name} is on {here[0]}, and {other.name}, which it follows, on "
                    f"{there[0]}"
                )
        for first, last in self._apart():
            for node in sorted(set(_nodes(first, seen)) & set(_nodes(last, seen))):
                both = f"services {first.name} and {last.name}"
                yield f"{both} are both on {node}, and shall be apart"

    def _followers(self) -> Iterator[tuple[Service, Service]]:
        for service in self.inventory.services:
            leader = self.inventory.leader(service)
            if leader is not service:
                yield service, leader

    def _apart(self) -> Iterator[tuple[Service, Service]]:
        for names in apart_pairs({each.name: each.settings for each in self.inventory.services}):
            first, last = map(self.inventory.service, names)
            yield first, last


def _nodes(service: Service, seen: Seen) -> tuple[str, ...]:
    return tuple(seen.holders(service.addresses[0].ip))

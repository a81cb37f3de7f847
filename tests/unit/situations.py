"""Whom a fault hits in a healthy lab, and what it expects then."""

from __future__ import annotations

from drills import situation as situations
from drills.catalogue import find
from drills.expectations import Expected
from drills.situation import Situation
from parts.all import Parts


def situation(parts: Parts, *targets: str, service: str | None = None) -> Situation:
    """Return whom a fault hits in a healthy lab."""
    inventory = parts.inventory
    holders = {
        part.service.name: {
            address.ip: inventory.homes(part.service).get(
                address.ip, inventory.seats.get(part.service.name, part.places[0])
            )
            for address in part.service.addresses
        }
        for part in parts.public
    }
    name = service or parts.first_service.service.name
    return situations.situations(parts, holders, targets)[name]


def expected(parts: Parts, name: str, *targets: str) -> Expected:
    drill = find(name, parts)
    return drill.expects(situation(parts, *targets, service=drill.service))

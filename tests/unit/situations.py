"""Whom a fault hits in a healthy lab, and what it expects then."""

from __future__ import annotations

from drills.catalogue import find
from drills.expectations import Expected
from drills.situation import Situation
from parts.all import Parts


def situation(parts: Parts, *targets: str, service: str | None = None) -> Situation:
    """Return whom a fault hits in a healthy lab."""
    part = parts.first_service if service is None else parts.services[service]
    homes = parts.inventory.homes(part.service)
    holders = {
        address.ip: homes.get(address.ip, part.places[0]) for address in part.service.addresses
    }
    everybody = {
        address.ip: parts.inventory.homes(each.service).get(address.ip, each.places[0])
        for each in parts.public
        for address in each.service.addresses
    }
    return Situation(part, holders, frozenset(targets), everybody)


def expected(parts: Parts, name: str, *targets: str) -> Expected:
    drill = find(name, parts)
    return drill.expects(situation(parts, *targets, service=drill.service))

"""Parts name each other's resources, and others name theirs: everybody means the same."""

from __future__ import annotations

import re

import parts.all
from drills.catalogue import CATALOGUE
from inventory.model import Inventory
from parts.cluster import Clone, Group, Primitive
from parts.constraints import Colocation, Location, Order
from parts.services import nginx
from parts.storage import drbd
from status import rules
from tests.unit.provisioned_lab import inventory

LAB = inventory()


def primitives(lab: Inventory) -> dict[str, Primitive]:
    found: dict[str, Primitive] = {}
    for resource in parts.all.resources(lab):
        match resource:
            case Group(members=members):
                found |= {member.id: member for member in members}
            case Clone(primitive=primitive):
                found[primitive.id] = primitive
            case Primitive():
                found[resource.id] = resource
    return found


def test_constraints_are_about_resources_that_are_there() -> None:
    there = {resource.id for resource in parts.all.resources(LAB)} | primitives(LAB).keys()
    for constraint in parts.all.constraints():
        match constraint:
            case Colocation(rsc=rsc, with_rsc=with_rsc):
                assert {rsc, with_rsc} <= there
            case Order(first=first, then=then):
                assert {first, then} <= there
            case Location(rsc=rsc):
                assert rsc in there


def test_status_asks_for_all_that_the_cluster_runs_and_for_nothing_else() -> None:
    [service] = [found for found in parts.all.resources(LAB) if isinstance(found, Group)]
    assert tuple(member.id for member in service.members) == rules.SERVICE
    elsewhere = primitives(LAB).keys() - set(rules.SERVICE)
    assert elsewhere == {*rules.EVERYWHERE, drbd.PRIMITIVE}


def test_an_operation_is_repeated_only_if_it_is_a_monitor() -> None:
    for primitive in primitives(LAB).values():
        repeated = {each.name for each in primitive.operations if each.interval_s}
        assert repeated == {"monitor"}, primitive.id


def test_people_are_told_to_clean_up_what_is_there() -> None:
    texts = " ".join(drill.by_hand for drill in CATALOGUE.values())
    assert set(re.findall(r"--resource (\S+)", texts)) == {nginx.PRIMITIVE}
    assert set(re.findall(r"drbdadm (?:attach|secondary|disconnect) (\w+)", texts)) == {
        drbd.RESOURCE
    }

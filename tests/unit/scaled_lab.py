"""Labs whose nodes come and go: how their machines are when provisioning looks at them."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from inventory.model import Inventory, Machine
from parts.facts import Facts
from parts.membership import corosync
from provisioning.plan import Plan
from tests.unit.composed_labs import EVERYWHERE
from tests.unit.provisioned_lab import fresh, inventory, plan_of, right

RELOADED = "corosync took over its configuration"
MEMBER = "membership started"
NOTHING: frozenset[str] = frozenset()


def lab(count: int, quorum: str | None = None) -> Inventory:
    """Return a lab with so many nodes that all serve and keep no data."""
    names = [f"node{number}" for number in range(1, count + 1)]
    chosen = {"quorum": {"kind": quorum}} if quorum else {}
    return inventory(nodes={"names": names}, services={"web": EVERYWHERE}, **chosen)


TWO, THREE, FOUR = lab(2), lab(3), lab(4, "majority")


def with_nodes(text: str, nodes: tuple[Machine, ...]) -> str:
    """Return a CIB as a cluster writes it that knows these nodes."""
    root = ElementTree.fromstring(text)
    section = root.find("configuration/nodes")
    assert section is not None
    for node in nodes:
        ElementTree.SubElement(section, "node", id=str(node.number), uname=node.name)
    return ElementTree.tostring(root, encoding="unicode")


def standing(before: Inventory) -> dict[str, Facts]:
    """Return how the machines of a healthy lab are."""
    return {
        name: replace(facts, cib=with_nodes(facts.cib, before.nodes)) if facts.cib else facts
        for name, facts in right(before).items()
    }


def growing(before: Inventory, after: Inventory) -> dict[str, Facts]:
    """Return how machines are when nodes of another lab have come to those of a healthy one."""
    return {**fresh(after), **standing(before)}


def shrinking(before: Inventory, after: Inventory) -> dict[str, Facts]:
    """Return how the machines that stay are when others have left a healthy lab."""
    there = standing(before)
    numbers = frozenset(node.number for node in after.nodes)
    return {
        machine.name: replace(facts, members=facts.members & numbers)
        for machine in after.machines
        if (facts := there[machine.name])
    }


def behind(lab: Inventory) -> Plan:
    """Return what follows when corosync.conf was written, and nobody told the cluster."""
    text = corosync.configuration(lab, 2)
    return plan_of(
        lab, {name: replace(facts, corosync_conf=text) for name, facts in standing(lab).items()}
    )

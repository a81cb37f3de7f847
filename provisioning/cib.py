"""The cluster's configuration (CIB): as it shall be, and how a running one differs from it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from xml.etree import ElementTree

from core.errors import HalabError
from inventory.model import Inventory
from labs.roles import NetworkRole
from provisioning import drbd, nginx
from provisioning.steps import Step
from provisioning.templates import render
from provisioning.zabbix import agent

RUNTIME_META = frozenset({"target-role", "is-managed", "maintenance"})
"""Meta attributes that people and tools set on resources of a running cluster; they stay."""

REPLACED_SECTIONS = ("resources", "rsc_defaults", "alerts")
"""Sections that are halab's alone. The others hold what belongs to the cluster as well: it writes
properties of its own, and DRBD's fence handler writes constraints."""

CABLE = "service-cable"
"""The resource that looks at a node's cable into the service network, and the node attribute that
it sets: 1, or 0 without a carrier."""

CABLE_RULE = "service-needs-its-cable"
"""The constraint by which the service leaves a node that clients cannot reach."""

FIRST_DC_DEADTIME = 3
"""Seconds that nodes wait for others at the very first start. `apply` starts them within a second
of each other, members already; a lab that gets its power back needs the longer wait."""


def first(inventory: Inventory) -> str:
    """Render the CIB for the first start; `corrections` then lead to the desired one."""
    return _render(inventory, min(FIRST_DC_DEADTIME, inventory.timing.dc_deadtime_s))


def desired(inventory: Inventory) -> str:
    """Render the whole CIB that the inventory asks for."""
    return _render(inventory, inventory.timing.dc_deadtime_s)


def _render(inventory: Inventory, dc_deadtime: int) -> str:
    interfaces = {node.interfaces[NetworkRole.SERVICE].name for node in inventory.nodes}
    if len(interfaces) != 1:
        raise HalabError(
            f"the nodes call their service interface differently: {', '.join(sorted(interfaces))}",
            hint="the floating address needs the same interface name on every node",
        )
    return render(
        "cib.xml.j2",
        lab=inventory.lab,
        timing=inventory.timing,
        dc_deadtime=dc_deadtime,
        nodes=" ".join(node.name for node in inventory.nodes),
        fencing_disk=inventory.disks.sbd,
        address=inventory.service.address,
        interface=interfaces.pop(),
        cable=CABLE,
        cable_rule=CABLE_RULE,
        port=inventory.service.port,
        mount_point=drbd.MOUNT_POINT,
        web_configuration=nginx.CONFIGURATION,
        alert=agent.ALERT if inventory.monitoring else None,
    )


def corrections(running: str, wanted: str) -> tuple[Step, ...]:
    """Return the steps that lead from a running CIB to the wanted one; none when they agree.

    What the cluster and its users wrote is left alone: other properties, other constraints, node
    attributes, and RUNTIME_META.
    """
    now = ElementTree.fromstring(running)
    goal = ElementTree.fromstring(wanted)
    steps = [*_properties(now, goal), *_constraints(now, goal)]
    for section in REPLACED_SECTIONS:
        target = _section(goal, section)
        _keep_runtime_meta(_section(now, section), target)
        if _canonical(_section(now, section)) != _canonical(target):
            # A lab of an older halab has no such section, and what is not there is not replaced.
            there = now.find(f"configuration/{section}") is not None
            verb = ("--replace",) if there else ("--modify", "--allow-create")
            steps.append(_cibadmin(f"cluster {section} replaced", verb, section, target))
    return tuple(steps)


def _section(cib: ElementTree.Element, name: str) -> ElementTree.Element:
    found = cib.find(f"configuration/{name}")
    return ElementTree.Element(name) if found is None else found


def _properties(now: ElementTree.Element, goal: ElementTree.Element) -> Iterator[Step]:
    held = {
        pair.get("name"): pair.get("value") for pair in _section(now, "crm_config").iter("nvpair")
    }
    for pair in _section(goal, "crm_config").iter("nvpair"):
        name, value = pair.get("name", ""), pair.get("value", "")
        if held.get(name) != value:
            words = ("crm_attribute", "--type", "crm_config", "--name", name, "--update", value)
            yield Step(f"cluster property {name} is {value}", shlex.join(words))


def _constraints(now: ElementTree.Element, goal: ElementTree.Element) -> Iterator[Step]:
    held = {item.get("id"): item for item in _section(now, "constraints")}
    for item in _section(goal, "constraints"):
        name = item.get("id", "")
        if name not in held:
            yield _cibadmin(f"constraint {name} created", ("--create",), "constraints", item)
        elif _canonical(held[name]) != _canonical(item):
            yield _cibadmin(f"constraint {name} replaced", ("--replace",), "constraints", item)


def _cibadmin(what: str, verb: tuple[str, ...], section: str, element: ElementTree.Element) -> Step:
    words = ("cibadmin", *verb, "--scope", section, "--xml-text", _canonical(element))
    return Step(what, shlex.join(words))


def _canonical(element: ElementTree.Element) -> str:
    text = ElementTree.tostring(element, encoding="unicode")
    return ElementTree.canonicalize(text, strip_text=True)


def _keep_runtime_meta(now: ElementTree.Element, goal: ElementTree.Element) -> None:
    """Copy RUNTIME_META from a running resources section into the wanted one."""
    targets = {item.get("id"): item for item in goal.iter()}
    for resource in now.iter():
        target = targets.get(resource.get("id", ""))
        if target is None:
            continue
        for block in resource.findall("meta_attributes"):
            kept = [pair for pair in block if pair.get("name") in RUNTIME_META]
            if not kept:
                continue
            place = target.find(f"meta_attributes[@id='{block.get('id')}']")
            if place is None:
                place = ElementTree.SubElement(target, block.tag, block.attrib)
                target.remove(place)
                target.insert(list(resource).index(block), place)
            place.extend(kept)

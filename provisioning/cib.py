"""The cluster's configuration (CIB): as it shall be, and how a running one differs from it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from parts.all import Parts
from parts.cluster import LOAD, Resource
from parts.constraints import Constraint, is_own
from parts.host import Step
from parts.settings import Alert, Capacity, Defaults, Properties
from wire.cib import known_nodes

SCHEMA = {
    "crm_feature_set": "3.20.0",
    "validate-with": "pacemaker-4.0",
    "admin_epoch": "0",
    "epoch": "1",
    "num_updates": "0",
}
"""What a CIB says of itself: Debian 13's Pacemaker, and the first version of all."""

RUNTIME_META = frozenset({"target-role", "is-managed", "maintenance"})
"""Meta attributes that people and tools set on resources of a running cluster; they stay."""

REPLACED_SECTIONS = ("op_defaults", "resources", "rsc_defaults", "alerts")
"""Sections that are halab's alone, in the order in which they are replaced: the timeout by which a
resource that goes is stopped is there before it goes. The others hold what belongs to the cluster
as well: it writes properties of its own, and DRBD's fence handler writes constraints."""

OPTIONAL_PROPERTIES = frozenset({"load-threshold", "priority-fencing-delay"})
"""Properties of the cluster that only some labs ask for, and that others have no more."""

Entry = Properties | Capacity | Resource | Constraint | Defaults | Alert
"""What stands in one of its sections."""

NAMING = ("rsc", "with-rsc", "first", "then")
"""Attributes by which a constraint names resources."""

FIRST_DC_DEADTIME = 3
"""Seconds that nodes wait for others at the very first start. `apply` starts them within a second
of each other, members already; a lab that gets its power back needs the longer wait."""


def first(parts: Parts) -> str:
    """Return the CIB for the first start; `corrections` then lead to the desired one."""
    return _whole(parts, min(FIRST_DC_DEADTIME, parts.inventory.timing.dc_deadtime_s))


def desired(parts: Parts) -> str:
    """Return the whole CIB that the lab asks for."""
    return _whole(parts, parts.inventory.timing.dc_deadtime_s)


def _whole(parts: Parts, dc_deadtime_s: int) -> str:
    sections: Mapping[str, Iterable[Entry]] = {
        "crm_config": (parts.properties(dc_deadtime_s),),
        "nodes": parts.capacities(),
        "resources": parts.resources(),
        "constraints": parts.constraints(),
        "rsc_defaults": (parts.defaults(),),
        "op_defaults": (parts.operation_defaults(),),
        "alerts": parts.alerts(),
    }
    cib = Element("cib", SCHEMA)
    configuration = SubElement(cib, "configuration")
    for name, entries in sections.items():
        SubElement(configuration, name).extend(entry.element() for entry in entries)
    SubElement(cib, "status")
    ElementTree.indent(cib)
    return ElementTree.tostring(cib, encoding="unicode") + "\n"


def steps(running: str, parts: Parts) -> tuple[Step, ...]:
    """Return the steps that lead from a running CIB to what the lab asks for, and to its nodes."""
    names = frozenset(node.name for node in parts.inventory.nodes)
    more, less = _capacities(running, parts)
    corrected = corrections(running, desired(parts))
    return (*more, *corrected, *less, *evictions(running, names))


def exclusions(running: str, parts: Parts) -> tuple[Step, ...]:
    """Return the steps by which a running cluster learns where it must never look.

    It asks all its agents about a node as soon as that joins: by then it has to know.
    """
    now, goal = ElementTree.fromstring(running), ElementTree.fromstring(desired(parts))
    there = {item.get("id") for item in _section(now, "resources").iter()}
    section = _section(goal, "constraints")
    for item in list(section):
        if item.get("resource-discovery") != "never" or item.get("rsc") not in there:
            section.remove(item)
    return tuple(_constraints(now, goal))


def evictions(running: str, names: Collection[str]) -> tuple[Step, ...]:
    """Return the steps by which a cluster forgets nodes that are none of these any more.

    What people wrote about them goes first. The nodes must have left the membership for good.
    """
    gone = known_nodes(running) - frozenset(names)
    if not gone:
        return ()
    constraints = _section(ElementTree.fromstring(running), "constraints")
    about = [item for item in constraints if gone & set(_places(item))]
    return (
        *map(_removed, about),
        *(
            Step(f"{name} forgotten by the cluster", f"crm_node --force --remove {name}")
            for name in sorted(gone)
        ),
    )


def _places(constraint: Element) -> Iterator[str]:
    """Yield the nodes that a constraint names."""
    yield constraint.get("node", "")
    for expression in constraint.iterfind(".//expression[@attribute='#uname']"):
        yield expression.get("value", "")


def corrections(running: str, wanted: str) -> tuple[Step, ...]:
    """Return the steps that lead from a running CIB to the wanted one; none when they agree.

    What the cluster and its users wrote is left alone: other properties, other constraints, node
    attributes, and RUNTIME_META. But no home stays that the lab does not ask for, and nothing of
    halab's that keeps services together, apart or in order. No constraint may ever name a resource
    that is not there: those of a resource that goes go before it, those of one that comes come
    after it.
    """
    now = ElementTree.fromstring(running)
    goal = ElementTree.fromstring(wanted)
    steps = [*_properties(now, goal), *_without_resources(now, goal), *_without_places(now, goal)]
    for section in REPLACED_SECTIONS:
        target = _section(goal, section)
        _keep_runtime_meta(_section(now, section), target)
        if _canonical(_section(now, section)) != _canonical(target):
            # What is not there is not replaced.
            there = now.find(f"configuration/{section}") is not None
            verb = ("--replace",) if there else ("--modify", "--allow-create")
            steps.append(_cibadmin(f"cluster {section} replaced", verb, section, target))
    return (*steps, *_constraints(now, goal))


def _section(cib: Element, name: str) -> Element:
    found = cib.find(f"configuration/{name}")
    return Element(name) if found is None else found


def _properties(now: Element, goal: Element) -> Iterator[Step]:
    held, wanted = (
        {
            pair.get("name", ""): pair.get("value", "")
            for pair in _section(cib, "crm_config").iter("nvpair")
        }
        for cib in (now, goal)
    )
    for name, value in wanted.items():
        if held.get(name) != value:
            yield _property(f"cluster property {name} is {value}", name, "--update", value)
    for name in sorted(OPTIONAL_PROPERTIES & held.keys() - wanted.keys()):
        yield _property(f"cluster property {name} removed", name, "--delete")


def _property(what: str, name: str, *words: str) -> Step:
    return Step(what, shlex.join(("crm_attribute", "--type", "crm_config", "--name", name, *words)))


def _capacities(running: str, parts: Parts) -> tuple[list[Step], list[Step]]:
    """Return what gives nodes more capacity, and what gives them less; other nodes are evicted.

    In between, resources ask for what they shall: at no time does a node bear more than it can.
    """
    held = {
        node.get("uname", ""): pair.get("value", "")
        for node in _section(ElementTree.fromstring(running), "nodes")
        for pair in node.iterfind("utilization/nvpair")
        if pair.get("name") == LOAD
    }
    wanted = {each.node: each.load for each in parts.capacities()}
    more: list[Step] = []
    less: list[Step] = []
    for name in (node.name for node in parts.inventory.nodes):
        load, has = wanted.get(name), held.get(name)
        if load is None and has is not None:
            less.append(_capacity(f"capacity of {name} removed", name, "--delete"))
        elif load is not None and has != str(load):
            # What is no number counts as none.
            grows = load > (int(has) if has and has.isdecimal() else 0)
            step = _capacity(f"capacity of {name} is {load}", name, "--update", str(load))
            (more if grows else less).append(step)
    return more, less


def _capacity(what: str, node: str, *words: str) -> Step:
    command = ("crm_attribute", "--utilization", "--node", node, "--name", LOAD, *words)
    return Step(what, shlex.join(command))


def _without_resources(now: Element, goal: Element) -> Iterator[Step]:
    """Remove the constraints about resources that shall be there no more."""
    wanted = {item.get("id") for item in _section(goal, "resources").iter()}
    gone = {item.get("id") for item in _section(now, "resources").iter()} - wanted
    constraints = _section(now, "constraints")
    for item in list(constraints):
        named = {item.get(name) for name in NAMING}
        named |= {each.get("id") for each in item.iter("resource_ref")}
        if gone & named - {None}:
            constraints.remove(item)
            yield _removed(item)


def _without_places(now: Element, goal: Element) -> Iterator[Step]:
    """Remove what says where services shall be, or when, and shall say so no more."""
    wanted = {item.get("id") for item in _section(goal, "constraints")}
    for item in _section(now, "constraints"):
        if is_own(item) and item.get("id") not in wanted:
            yield _removed(item)


def _removed(constraint: Element) -> Step:
    name = constraint.get("id", "")
    found = Element(constraint.tag, id=name)
    return _cibadmin(f"constraint {name} removed", ("--delete",), "constraints", found)


def _constraints(now: Element, goal: Element) -> Iterator[Step]:
    held = {item.get("id"): item for item in _section(now, "constraints")}
    for item in _section(goal, "constraints"):
        name = item.get("id", "")
        if name not in held:
            yield _cibadmin(f"constraint {name} created", ("--create",), "constraints", item)
        elif _canonical(held[name]) != _canonical(item):
            yield _cibadmin(f"constraint {name} replaced", ("--replace",), "constraints", item)


def _cibadmin(what: str, verb: tuple[str, ...], section: str, element: Element) -> Step:
    words = ("cibadmin", *verb, "--scope", section, "--xml-text", _canonical(element))
    return Step(what, shlex.join(words))


def _canonical(element: Element) -> str:
    text = ElementTree.tostring(element, encoding="unicode")
    return ElementTree.canonicalize(text, strip_text=True)


def _keep_runtime_meta(now: Element, goal: Element) -> None:
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
                place = SubElement(target, block.tag, block.attrib)
                target.remove(place)
                target.insert(list(resource).index(block), place)
            place.extend(kept)

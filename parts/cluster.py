"""What a cluster's configuration (CIB) is made of, under Pacemaker's names: values that become XML.

An element's id follows from what it is about, so nobody has to think of one for every value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from labs.durations import Operations, PromotableOperations
from labs.timing import Timing

Values = Mapping[str, str | int]
"""Attributes by name, in the order in which they are written."""

Role = Literal["Promoted", "Unpromoted"]
"""Of an instance of a promotable clone."""


def seconds(number: int) -> str:
    """Word a duration as Pacemaker reads it."""
    return f"{number}s"


def attributes(tag: str, identity: str, values: Values, prefix: str) -> Element:
    """Return a set of name-value pairs; `prefix` begins the id of each."""
    found = Element(tag, id=identity)
    for name, value in values.items():
        SubElement(found, "nvpair", id=f"{prefix}-{name}", name=name, value=str(value))
    return found


LOAD = "load"
"""What Pacemaker calls what resources take of nodes' capacities."""


def utilization(owner: str, load: int) -> Element:
    """Return what a resource takes of its node, or what a node has to give."""
    identity = f"{owner}-utilization"
    return attributes("utilization", identity, {LOAD: load}, identity)


@dataclass(frozen=True)
class Operation:
    """What Pacemaker asks of an agent, and how long that may take.

    It is repeated if it has an interval: then `role` says for which instances. `fences`: a node
    where it fails is fenced at once, and nothing is tried in its place.
    """

    name: str
    timeout_s: int
    interval_s: int = 0
    role: Role | None = None
    parameters: Values = field(default_factory=dict)
    fences: bool = False

    def element(self, primitive: str) -> Element:
        """Return the operation of a primitive with this id."""
        found = Element(
            "op",
            id=f"{primitive}-{self.name}-{self.interval_s}",
            name=self.name,
            interval=seconds(self.interval_s) if self.interval_s else "0",
            timeout=seconds(self.timeout_s),
        )
        if self.role is not None:
            found.set("role", self.role)
        if self.fences:
            found.set("on-fail", "fence")
        if self.parameters:
            owner = f"{primitive}-{self.name}"
            found.append(
                attributes("instance_attributes", f"{owner}-parameters", self.parameters, owner)
            )
        return found


def every(timing: Timing, seconds: int) -> int:
    """Return the seconds between two monitors that take `seconds` on machines as usual.

    Half as often in emulation, where agents take most of a guest's only core. Lost nodes are found
    by their token, not by monitors.
    """
    return seconds * max(1, timing.pace // 2)


def advised(timing: Timing, *, start: int, stop: int, monitor: int, every_s: int) -> Operations:
    """Return timeouts in seconds that an agent advises, stretched for slow machines."""
    return Operations(start * timing.pace, stop * timing.pace, monitor * timing.pace, every_s)


def operations(
    timing: Operations, monitor: Values | None = None, *, fences: bool = False
) -> tuple[Operation, ...]:
    """Return what every agent can do; `monitor` are parameters of its monitor alone.

    `fences`: a node whose monitor fails is fenced.
    """
    look = Operation("monitor", timing.monitor_s, timing.monitor_every_s)
    return (
        Operation("start", timing.start_s),
        Operation("stop", timing.stop_s),
        replace(look, parameters=monitor or {}, fences=fences),
    )


def promotable_operations(timing: PromotableOperations) -> tuple[Operation, ...]:
    """Return what the agent of a promotable clone can do."""
    notify = () if timing.notify_s is None else (Operation("notify", timing.notify_s),)
    return (
        Operation("start", timing.start_s),
        Operation("stop", timing.stop_s),
        Operation("promote", timing.promote_s),
        Operation("demote", timing.demote_s),
        *notify,
        Operation("monitor", timing.monitor_s, timing.monitor_every_s, "Promoted"),
        Operation("monitor", timing.monitor_s, timing.monitor_unpromoted_every_s, "Unpromoted"),
    )


@dataclass(frozen=True)
class Primitive:
    """One thing that an agent runs; `agent` as in "ocf:heartbeat:IPaddr2" or "stonith:fence_sbd".

    `parameters` are the agent's (instance attributes), `meta` is for Pacemaker itself, and `load`
    is what it takes of a node's capacity.
    """

    id: str
    agent: str
    operations: tuple[Operation, ...]
    parameters: Values = field(default_factory=dict)
    meta: Values = field(default_factory=dict)
    load: int = 0

    def element(self) -> Element:
        """Return it as XML."""
        standard, *provider, kind = self.agent.split(":")
        found = Element("primitive", {"id": self.id, "class": standard, "type": kind})
        if provider:
            found.set("provider", provider[0])
        if self.meta:
            meta = f"{self.id}-meta"
            found.append(attributes("meta_attributes", meta, self.meta, meta))
        if self.parameters:
            identity = f"{self.id}-parameters"
            found.append(attributes("instance_attributes", identity, self.parameters, self.id))
        SubElement(found, "operations").extend(each.element(self.id) for each in self.operations)
        if self.load:
            found.append(utilization(self.id, self.load))
        return found


@dataclass(frozen=True)
class Group:
    """Primitives that run together on one node: started in this order, stopped in the reverse.

    `meta` holds for each of them.
    """

    id: str
    members: tuple[Primitive, ...]
    meta: Values = field(default_factory=dict)

    def element(self) -> Element:
        """Return it as XML."""
        found = Element("group", id=self.id)
        if self.meta:
            found.append(attributes("meta_attributes", f"{self.id}-meta", self.meta, self.id))
        found.extend(member.element() for member in self.members)
        return found


@dataclass(frozen=True)
class Clone:
    """A primitive, or a group of them, that runs on several nodes at once."""

    id: str
    cloned: Primitive | Group
    meta: Values = field(default_factory=dict)

    def element(self) -> Element:
        """Return it as XML."""
        found = Element("clone", id=self.id)
        if self.meta:
            found.append(attributes("meta_attributes", f"{self.id}-meta", self.meta, self.id))
        found.append(self.cloned.element())
        return found


Resource = Primitive | Group | Clone

"""Every part with rules of its own is silent in health, and says something when a lab is broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from parts.all import Parts
from parts.base import Part
from parts.seen import NodeSeen, Seen
from tests.unit.broken_lab import outside, seen_as, seen_by_cluster
from tests.unit.composed_labs import LABS
from tests.unit.healthy_lab import healthy
from wire.corosync import QuorumView

Breakage = Callable[[Seen], Seen]


def on_nodes(change: Callable[[NodeSeen], NodeSeen]) -> Breakage:
    """Return what changes what every node says."""
    return lambda seen: replace(
        seen, nodes={name: node and change(node) for name, node in seen.nodes.items()}
    )


def everywhere(seen: Seen) -> Seen:
    """Return the lab in which every node has all addresses, and everything mounted."""
    addresses = frozenset().union(*(node.addresses for node in seen.reached.values()))
    mounts = {at: device for node in seen.reached.values() for at, device in node.mounts.items()}
    return on_nodes(lambda node: replace(node, addresses=addresses, mounts=mounts))(seen)


BREAKAGES: Mapping[str, Breakage] = {
    "no reading of a part prints anything": on_nodes(
        lambda node: replace(node, told=dict.fromkeys(node.told, ""))
    ),
    "no cluster answers": lambda seen: seen_as(None, seen=seen),
    "nobody has a quorum, or a device": on_nodes(
        lambda node: replace(node, quorum=QuorumView(False, 0, 3, None, frozenset()))
    ),
    "nothing runs": lambda seen: seen_by_cluster(seen=seen, instances=()),
    "nobody answers": lambda seen: outside(seen=seen, answering=frozenset()),
    "everything is everywhere": everywhere,
}
"""Whatever a part reads, one of these takes away or doubles."""

PARTS = {name: Parts(lab) for name, lab in LABS.items()}

HEALTHY = {name: healthy(parts) for name, parts in PARTS.items()}

RULED = {
    type(part)
    for parts in PARTS.values()
    for part in parts.every
    if type(part).reasons is not Part.reasons
}
"""The kinds of parts that have something to say of labs."""


@pytest.mark.parametrize("kind", sorted(RULED, key=str), ids=lambda kind: kind.__name__)
def test_a_broken_lab_is_not_passed_over(kind: type[Part]) -> None:
    assert any(
        list(part.reasons(breaking(HEALTHY[name])))
        for name, parts in PARTS.items()
        for part in parts.every
        if type(part) is kind
        for breaking in BREAKAGES.values()
    )


@pytest.mark.parametrize("name", PARTS)
def test_in_health_nobody_complains(name: str) -> None:
    said = [reason for part in PARTS[name].every for reason in part.reasons(HEALTHY[name])]
    assert said == []

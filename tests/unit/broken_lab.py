"""The healthy labs with something wrong in them, as their machines would tell it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parts.all import Parts
from parts.reasons import Reason
from parts.seen import NodeSeen, Seen
from parts.storage import replicas
from status.rules import judge
from tests.unit.healthy_lab import (
    FIXTURES,
    HEALTHY,
    PARTS,
    PRIMARY,
    SECONDARY,
    kernel_text,
    slots_text,
)
from wire.drbd import Device
from wire.pacemaker import ClusterView, parse_cluster


def node_of(seen: Seen, name: str) -> NodeSeen:
    """Return what a node says that answers."""
    found = seen.nodes[name]
    assert found is not None
    return found


def broken(node: str, *, seen: Seen = HEALTHY, **changes: Any) -> Seen:
    """Return a lab in which one node says something else."""
    changed = replace(node_of(seen, node), **changes)
    return replace(seen, nodes={**seen.nodes, node: changed})


def silent(node: str, *, seen: Seen = HEALTHY) -> Seen:
    """Return a lab in which one node does not answer."""
    return replace(seen, nodes={**seen.nodes, node: None})


def outside(*, seen: Seen = HEALTHY, **changes: Any) -> Seen:
    """Return a lab in which the monitor says something else."""
    assert seen.monitor is not None
    return replace(seen, monitor=replace(seen.monitor, **changes))


def with_disk(node: str, *, seen: Seen = HEALTHY, **changes: Any) -> Seen:
    """Return a lab in which one node's kernel says something else of the first storage."""
    usual = PRIMARY if node == "node1" else SECONDARY
    return with_kernel(node, {0: usual.replace(**changes)}, seen=seen)


def with_kernel(node: str, disks: dict[int, Device], *, seen: Seen = HEALTHY) -> Seen:
    """Return a lab in which one node's kernel has these replicated devices."""
    told = {**node_of(seen, node).told, replicas.READING: kernel_text(disks)}
    return broken(node, seen=seen, told=told)


def with_slots(node: str, **messages: str) -> Seen:
    """Return the healthy lab in which a node reads these messages on the fencing disk."""
    return broken(node, told={**node_of(HEALTHY, node).told, "slots": slots_text(messages)})


def view_of(seen: Seen) -> ClusterView:
    """Return how the cluster sees itself."""
    assert seen.cluster is not None
    return seen.cluster


def seen_by_cluster(*, seen: Seen = HEALTHY, **changes: Any) -> Seen:
    """Return a lab in which all nodes see the cluster changed."""
    return seen_as(view_of(seen).replace(**changes), seen=seen)


def seen_as(cluster: ClusterView | None, *, seen: Seen = HEALTHY) -> Seen:
    """Return a lab in which all nodes have this view of the cluster."""
    nodes = {name: replace(found, cluster=cluster) for name, found in seen.reached.items()}
    return replace(seen, nodes={**seen.nodes, **nodes})


def situation(name: str) -> Seen:
    """Return the lab with a view of the cluster that was captured in a real one."""
    return seen_as(parse_cluster((FIXTURES / f"crm_mon-{name}.xml").read_text()))


def sentences(seen: Seen, parts: Parts = PARTS) -> tuple[str, ...]:
    """Return what keeps a lab from being healthy."""
    return tuple(reason.sentence for reason in judge(parts, seen) if not reason.past)


def the_reason(seen: Seen, beginning: str, parts: Parts = PARTS) -> Reason:
    """Return the one reason whose sentence begins so."""
    (found,) = (r for r in judge(parts, seen) if r.sentence.startswith(beginning))
    return found

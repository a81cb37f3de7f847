"""Labs for whoever goes over all parts: those that halab offers, and others that it could be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.planning import sketch
from inventory.model import Inventory
from labs.kernels import Kernel, kernel_of
from labs.roles import MachineRole
from parts.all import Parts
from parts.cluster import Primitive
from tests.unit.aws_labs import aws_lab
from tests.unit.clustered import agents
from tests.unit.planned_lab import BESIDES, OFFERED, planned
from tests.unit.provisioned_lab import inventory

EVERYWHERE = {"kind": "nginx", "runs": "everywhere"}
FOUR = {"names": ["node1", "node2", "node3", "node4"]}
DISKS = {"data": {"kind": "shared-disk"}, "rows": {"kind": "shared-disk", "size_mib": 256}}
SHARING = {
    "web": {"kind": "nginx", "storage": "data"},
    "sql": {"kind": "postgresql", "storage": "rows"},
}
STORES = {"data": {"kind": "drbd"}, "rows": {"kind": "drbd", "size_mib": 192}}
PAIRS = {
    "data": {"kind": "drbd", "nodes": ["node3", "node2"]},
    "rows": {"kind": "drbd", "nodes": ["node1", "node4"], "size_mib": 192},
}
"""Of four nodes, the data of one service on the two in the middle, those of another on the rest."""

MANY = {
    "web": {"kind": "nginx", "storage": "data"},
    "sql": {"kind": "postgresql", "storage": "rows"},
    "api": {**EVERYWHERE, "port": 8080},
    "page": {"kind": "nginx", "port": 8081},
}
"""Services of all kinds, in all places."""

PLACED: dict[str, dict[str, Any]] = {
    "books": {"kind": "postgresql", "storage": "data", "home": "node1"},
    "shop": {"kind": "nginx", "follows": "books", "after": ["books"]},
    "tell": {"kind": "nginx", "port": 8081, "home": "node2", "stickiness": 1500},
    "show": {"kind": "nginx", "port": 8082, "apart": ["tell"], "after": ["books"]},
}
"""Of three nodes, data on the first two; services that have to do with each other."""

CLOUDY = ("active-passive", "active-active", "shared-disk", "two-node")
"""Definitions whose labs on AWS are gone over as well: one of each quorum and storage."""

LABS: dict[str, Inventory] = {
    **{name: planned(name, accelerated=True) for name in (*OFFERED, *BESIDES)},
    "emulated": inventory(platform={"pace": "emulation"}),
    "unwatched": inventory(monitoring=False),
    "unwalled": inventory(firewall={"enabled": False}),
    "four": inventory(nodes=FOUR, services={"web": EVERYWHERE}),
    "majority": inventory(nodes=FOUR, services={"web": EVERYWHERE}, quorum={"kind": "majority"}),
    "shared": inventory(nodes=FOUR, services=SHARING, storage=DISKS),
    "many": inventory(services=MANY, storage=STORES),
    "placed": inventory(
        nodes={"names": ["node1", "node2", "node3"]},
        services=PLACED,
        storage={"data": {"kind": "drbd", "nodes": ["node1", "node2"]}},
    ),
    "apart": inventory(nodes=FOUR, services=MANY, storage=PAIRS),
    **{f"aws-{name}": sketch(aws_lab(name)) for name in CLOUDY},
}


def primitives(lab: Inventory) -> Iterator[Primitive]:
    """Yield everything that agents run."""
    for resource in Parts(lab).resources():
        yield from agents(resource)


def kernel_in(inventory: Inventory, role: MachineRole = MachineRole.NODE) -> Kernel:
    """Return which kernel the machines of a lab boot."""
    return kernel_of(role, (each.settings for each in inventory.storage))

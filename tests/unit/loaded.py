"""A lab whose nodes have a capacity, and whose services take some of it."""

from __future__ import annotations

from typing import Any

from parts.all import Parts
from tests.unit.provisioned_lab import inventory

LOADS = {"big": 6, "small": 1, "tiny": 1}


def loaded(**nodes: Any) -> Parts:
    """Return the parts of three nodes with services that could be on any of them."""
    services = {
        name: {"kind": "nginx", "port": 8000 + load + number, **({"load": load} if nodes else {})}
        for number, (name, load) in enumerate(LOADS.items())
    }
    return Parts(
        inventory(nodes={"names": ["node1", "node2", "node3"], **nodes}, services=services)
    )


CAPACITY = 7
"""Of each node: one alone cannot bear everything."""

PARTS = loaded(capacity=CAPACITY)

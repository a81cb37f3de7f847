"""Labs to be drawn: those that come with halab, and some that have little room."""

from __future__ import annotations

from typing import Any

from drawing.scene import Scene
from infra.planning import sketch
from labs.loading import available, load
from labs.model import Lab

W, M = "w" * 12, "m" * 12

CROWDED: dict[str, dict[str, Any]] = {
    "eight": {
        "description": "Long words of a lab with many machines, " * 4,
        "nodes": {
            "names": [f"a-node-called-{number}" for number in range(8)],
            "cpus": 16,
            "memory_mib": 1048575,
        },
        "monitor": {"name": "a-monitor-alone"},
        "networks": {
            "management": "192.168.100.128/25",
            "cluster-a": "192.168.101.128/25",
            "cluster-b": "192.168.102.128/25",
            "service": "192.168.103.0/24",
            "replication": "192.168.104.128/25",
        },
        "services": {
            W: {"kind": "nginx", "runs": "everywhere", "port": 65535},
            "page": {"kind": "nginx", "port": 8081},
        },
    },
    "many": {
        "services": {
            "web": {"kind": "nginx", "storage": "data"},
            W: {"kind": "postgresql", "storage": M, "port": 55432},
            "api": {"kind": "nginx", "runs": "everywhere", "port": 8080},
        },
        "storage": {"data": {"kind": "drbd"}, M: {"kind": "drbd", "size_mib": 1048575}},
    },
    "passing": {
        "services": {
            M: {"kind": "nginx", "runs": "everywhere", "port": 65535},
            "page": {"kind": "nginx", "port": 8081},
            W: {"kind": "haproxy", "to": M},
        },
    },
    "placed": {
        "nodes": {"names": ["node1", "node2", "node3"]},
        "services": {
            "books": {"kind": "postgresql", "storage": "data", "home": "node1"},
            W: {"kind": "nginx", "follows": "books", "after": ["books"]},
            M: {"kind": "nginx", "port": 8081, "home": "node2", "stickiness": 1500},
            "show": {"kind": "nginx", "port": 8082, "apart": [M]},
        },
        "storage": {"data": {"kind": "drbd", "nodes": ["node1", "node3"]}},
    },
    "unwatched": {
        "monitoring": False,
        "description": "[b]\t\u0007"
        + "A description as long as it may be, with & and <, 中文. " * 3,
    },
}


def scene(name: str) -> Scene:
    """Return one of DRAWN as it is drawn."""
    tables = {"version": 1, "name": name, **CROWDED.get(name, {})}
    lab = load(name) if name in PICTURED else Lab.model_validate(tables)
    return Scene(lab, sketch(lab))


CLOUDY = "aws-active-passive"
"""A lab on AWS that comes with halab."""

PICTURED = tuple(offer.name for offer in available())
"""Labs of which there are pictures in the documentation."""

DRAWN = (*PICTURED, *CROWDED)

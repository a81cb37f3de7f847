"""Labs that nobody has built: what their definitions come to, without machines."""

from __future__ import annotations

from typing import Any

from infra.planning import sketch
from labs.loading import load
from labs.model import Lab
from parts.all import Parts
from tests.unit.planned_lab import BESIDES


def sketched(name: str, **tables: Any) -> Parts:
    """Return the parts of a lab with this name and these tables."""
    return Parts(sketch(Lab.model_validate({"version": 1, "name": name, **tables})))


STORY = sketched("story")
"""Two nodes: one web server on replicated storage, a quorum device."""

TRIO_TABLES: dict[str, Any] = {
    "nodes": {"names": ["node1", "node2", "node3"]},
    "services": {"web": {"kind": "nginx", "runs": "everywhere"}},
}
TRIO = sketched("trio", **TRIO_TABLES)
"""Three nodes, a web server and an address on each, a majority of their own, and no storage."""

BOOKS_TABLES: dict[str, Any] = {
    "services": {"books": {"kind": "postgresql", "storage": "data"}},
    "storage": {"data": {"kind": "drbd"}},
}
BOOKS = sketched("books", **BOOKS_TABLES)
"""Two nodes: a database on replicated storage, a quorum device."""

SHOP = sketched(
    "shop",
    services={
        "web": {"kind": "nginx", "storage": "data"},
        "books": {"kind": "postgresql", "storage": "ledger"},
    },
    storage={"data": {"kind": "drbd"}, "ledger": {"kind": "drbd"}},
)
"""Two nodes with two services, each on storage of its own."""

MIRROR = sketched(
    "mirror",
    services={
        "pages": {"kind": "nginx", "storage": "files", "home": "node1"},
        "records": {"kind": "postgresql", "storage": "rows", "home": "node2"},
    },
    storage={"files": {"kind": "drbd"}, "rows": {"kind": "drbd"}},
)
"""Two nodes with two services, each at home on a node of its own."""

FRONT = sketched(
    "front",
    nodes={"names": ["node1", "node2", "node3"]},
    services={
        "front": {"kind": "haproxy", "runs": "everywhere", "to": "web"},
        "web": {"kind": "nginx", "runs": "everywhere", "port": 8080},
    },
)
"""Three nodes: a load balancer on each, before a web server on each."""

TABLES = sketched(
    "tables",
    nodes={"names": ["node1", "node2", "node3"]},
    services={"tables": {"kind": "galera"}},
)
"""Three nodes, a database on each that all write, a majority of their own, and no storage."""

DISK_TABLES: dict[str, Any] = {
    "nodes": {"names": ["node1", "node2", "node3"]},
    "services": {"web": {"kind": "nginx", "storage": "data"}},
    "storage": {"data": {"kind": "shared-disk"}},
}
DISK = sketched("disk", **DISK_TABLES)
"""Three nodes: one web server on a disk that all of them share, a majority of their own."""

COMMON = sketched(
    "common",
    nodes={"names": ["node1", "node2", "node3"]},
    services={"web": {"kind": "nginx", "runs": "everywhere", "storage": "data"}},
    storage={"data": {"kind": "gfs2"}},
)
"""Three nodes: a web server on each, all of them writing one filesystem at once."""

TWO = sketched("two", quorum={"kind": "two-node"})
"""Two nodes: one web server on replicated storage, and no third vote."""

FILES = sketched(
    "files",
    services={"files": {"kind": "nfs", "storage": "data"}},
    storage={"data": {"kind": "drbd"}},
)
"""Two nodes: a file server on replicated storage, a quorum device."""

PAIR_TABLES: dict[str, Any] = {
    "nodes": {"names": ["node1", "node2", "node3"]},
    "services": {
        "web": {"kind": "nginx", "storage": "data"},
        "api": {"kind": "nginx", "runs": "everywhere", "port": 8080},
    },
    "storage": {"data": {"kind": "drbd", "nodes": ["node1", "node2"]}},
}
PAIR = sketched("pair", **PAIR_TABLES)
"""Three nodes: a web server on storage of two of them, another on each, a majority of their own."""

RING = sketched(
    "ring",
    nodes={"names": ["node1", "node2", "node3"]},
    services={
        "red": {"kind": "nginx", "home": "node1", "storage": "reds"},
        "green": {"kind": "nginx", "home": "node2", "storage": "greens", "port": 8080},
        "blue": {"kind": "nginx", "home": "node3", "storage": "blues", "port": 8081},
    },
    storage={
        "reds": {"kind": "drbd", "nodes": ["node1", "node2"]},
        "greens": {"kind": "drbd", "nodes": ["node2", "node3"]},
        "blues": {"kind": "drbd", "nodes": ["node3", "node1"]},
    },
)
"""Three nodes with three services, each at home on one and on storage that the next one has too."""

OTHERS = {name: Parts(sketch(load(path))) for name, path in BESIDES.items()}
"""Labs that the tests build and halab does not offer."""

LABS = (
    *(STORY, TRIO, BOOKS, SHOP, MIRROR, FRONT, TABLES, DISK, COMMON, TWO, FILES, PAIR, RING),
    *OTHERS.values(),
)


def name_of(parts: Parts) -> str:
    """Return what pytest calls a lab."""
    return parts.inventory.lab

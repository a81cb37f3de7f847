"""What machines are like."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt

from labs.notes import Note
from labs.tables.base import NAME_ALLOWED, MonitorName, NodeName, Table

MOST_NODES = 8
"""What a /28 has room for besides the monitor, the platform and an address for some."""

MONITOR_NUMBER = MOST_NODES + 1
"""The same however many nodes there are. All numbers up to it are kept for machines."""

MOST_CAPACITY = 1000000
"""In whatever a lab counts loads in: Pacemaker reckons with 32 bits."""

Cpus = Annotated[StrictInt, Field(ge=1, le=16)]
DiskMib = Annotated[StrictInt, Field(ge=64, le=1048576)]


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) < 2:
        raise ValueError("a node alone has nobody who could take over")
    if len(names) > MOST_NODES:
        raise ValueError(f"halab numbers up to {MOST_NODES} nodes")
    return names


class Nodes(Table):
    """[nodes]: the cluster nodes, all alike."""

    names: Annotated[
        tuple[NodeName, ...],
        AfterValidator(_some),
        Note(
            allowed=f"from 2 to {MOST_NODES} different host names, 2 with replicated storage that "
            f"does not name its own; each {NAME_ALLOWED}"
        ),
    ] = Field(
        default=("node1", "node2"),
        description="host names, in the order of their numbers",
        json_schema_extra={"minItems": 2, "maxItems": MOST_NODES},
    )
    cpus: Cpus = Field(default=1, description="virtual CPUs of each node")
    memory_mib: Annotated[StrictInt, Field(ge=768, le=1048576)] = Field(
        default=1024, description="memory of each node"
    )
    data_disk_mib: DiskMib = Field(
        default=512, description="size of every disk of `[storage]` that does not say its own"
    )
    capacity: Annotated[
        StrictInt | None,
        Field(ge=1, le=MOST_CAPACITY),
        Note(default="none, and nothing is counted"),
    ] = Field(
        default=None,
        description="how much `load` of services each node takes, in a unit of your own (cores, "
        "GiB, requests): Pacemaker's utilization. When any one node is lost, the others must have "
        "room for everything",
    )


class Monitor(Table):
    """[monitor]: the machine that carries the quorum device and plays the outside client."""

    name: Annotated[MonitorName, Note(allowed=f"a host name that no node has: {NAME_ALLOWED}")] = (
        Field(default="monitor", description="host name; only this machine may be called `monitor`")
    )
    cpus: Cpus = Field(default=1, description="virtual CPUs")
    memory_mib: Annotated[StrictInt, Field(ge=512, le=1048576)] = Field(
        default=1024, description="memory; 512 is enough without monitoring"
    )

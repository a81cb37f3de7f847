"""Where machines run, and what they are like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt, StrictStr

from labs.tables.base import NAME_ALLOWED, MonitorName, NodeName, Table

LIBVIRT_URI = r"^qemu(\+(unix|ssh|libssh|libssh2|tls|tcp))?://[^/\s]*/system(\?\S*)?$"
"""System connections of libvirt's QEMU driver: a session cannot make bridges."""

MOST_NODES = 8
"""What a /28 has room for besides the monitor, the platform and an address for some."""

CPUS_ALLOWED = "whole number from 1 to 16"
DISK_ALLOWED = "MiB, whole number from 64 to 1048576"

Cpus = Annotated[StrictInt, Field(ge=1, le=16)]
DiskMib = Annotated[StrictInt, Field(ge=64, le=1048576)]


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) < 2:
        raise ValueError("a node alone has nobody who could take over")
    if len(names) > MOST_NODES:
        raise ValueError(f"halab numbers up to {MOST_NODES} nodes")
    return names


class Platform(Table):
    """[platform]: where the machines run."""

    kind: Literal["libvirt"] = Field(default="libvirt", description='"libvirt"')
    uri: Annotated[StrictStr, Field(pattern=LIBVIRT_URI)] | None = Field(
        default=None,
        description='a system connection of libvirt\'s QEMU driver, as "qemu:///system"',
    )
    """Without it, halab runs a private hypervisor."""

    pace: Literal["auto", "kvm", "emulation"] = Field(
        default="auto", description='"auto", "kvm" or "emulation"'
    )


class Nodes(Table):
    """[nodes]: the cluster nodes, all alike."""

    names: Annotated[tuple[NodeName, ...], AfterValidator(_some)] = Field(
        default=("node1", "node2"),
        description=f"from 2 to {MOST_NODES} host names, each {NAME_ALLOWED}",
    )
    cpus: Cpus = Field(default=1, description=CPUS_ALLOWED)
    memory_mib: Annotated[StrictInt, Field(ge=768, le=1048576)] = Field(
        default=1024, description="MiB, whole number from 768 to 1048576"
    )
    data_disk_mib: DiskMib = Field(default=512, description=DISK_ALLOWED)
    """The size of every replicated disk that does not say its own."""


class Monitor(Table):
    """[monitor]: the machine that carries the quorum device and plays the outside client."""

    name: MonitorName = Field(default="monitor", description=f"a host name: {NAME_ALLOWED}")
    cpus: Cpus = Field(default=1, description=CPUS_ALLOWED)
    memory_mib: Annotated[StrictInt, Field(ge=512, le=1048576)] = Field(
        default=1024, description="MiB, whole number from 512 to 1048576"
    )

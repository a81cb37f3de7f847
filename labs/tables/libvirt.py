"""Machines on this computer, or on another one's libvirt."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictInt, StrictStr

from labs.conflicts import Conflict
from labs.instances import Estimate
from labs.means import AddressMeans, FencingMeans
from labs.notes import Note
from labs.roles import NetworkRole
from labs.subnets import machine_address
from labs.tables.base import Table
from labs.tables.contents import Contents
from labs.timing import SLOWEST_PACE

LIBVIRT_URI = r"^qemu(\+(unix|ssh|libssh|libssh2|tls|tcp))?://[^/\s]*/system(\?\S*)?$"
"""System connections of libvirt's QEMU driver: a session cannot make bridges."""


class Libvirt(Table):
    """[platform] kind = "libvirt": a private hypervisor of halab's, or an existing libvirt."""

    fences: ClassVar[tuple[FencingMeans, ...]] = ("sbd",)
    addresses: ClassVar[AddressMeans] = "announced"
    region: ClassVar[None] = None
    seen_endpoint: ClassVar[None] = None
    """In no cloud."""
    gives_host_keys: ClassVar[bool] = True
    """Whether machines get their ssh host keys from halab."""

    kind: Literal["libvirt"] = Field(
        default="libvirt", description="guests of QEMU on KVM, or in software emulation"
    )
    uri: Annotated[
        Annotated[StrictStr, Field(pattern=LIBVIRT_URI)] | None,
        Note(
            allowed='a system connection of libvirt\'s QEMU driver, as "qemu:///system" or '
            '"qemu+ssh://root@host/system"',
            default="none: a private hypervisor",
        ),
    ] = Field(default=None, description="an existing libvirt instead of halab's private hypervisor")
    pace: Annotated[
        Literal["auto", "kvm", "emulation"] | Annotated[StrictInt, Field(ge=1, le=SLOWEST_PACE)],
        Note(allowed=f'"auto", "kvm", "emulation" or a whole number from 1 to {SLOWEST_PACE}'),
    ] = Field(
        default="auto",
        description="how patient halab is with slow machines. `auto` follows what the platform can "
        "do; `emulation` allows boots and operations four times as long, and longer with more than "
        "two nodes, also on slow hosts with KVM; a number, how many times as long as on KVM",
    )

    def carrier(self, network: NetworkRole) -> NetworkRole:
        """Return the network whose interfaces carry this one: each has its own."""
        return network

    def router(self, address: IPv4Interface) -> IPv4Address | None:
        """Return what leads from a subnet to others of its network, which is one here: None."""
        return None

    def interface(self, subnet: IPv4Network, number: int, lab: Contents) -> IPv4Interface:
        """Return the address of a machine in a subnet, by the machine's number."""
        return IPv4Interface(f"{machine_address(subnet, number)}/{subnet.prefixlen}")

    def disk(self, name: str, lab: Contents) -> str:
        """Return where a machine finds a disk of this name: by its serial."""
        return f"/dev/disk/by-id/virtio-{name}"

    def costs(self, lab: Contents) -> Estimate | None:
        """Return None: nobody is paid for the lab."""
        return None

    def conflicts(self, lab: Contents) -> Iterator[Conflict]:
        """Yield what of the lab this platform cannot carry: nothing that a definition tells."""
        yield from ()

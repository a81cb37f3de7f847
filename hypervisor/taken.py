"""What somebody else has already of what a lab would use in a libvirt: names, bridges, subnets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

from core.command import run
from core.errors import HalabError
from hypervisor.objects import Found, Virsh, find
from inventory.mark import folder_in, subnet_in
from inventory.place import Place
from labs.addressing import MAC_NETWORKS
from labs.model import Lab
from labs.roles import NetworkRole

LINKS = Path("/sys/class/net")
"""This machine's network interfaces, by name (sysfs)."""


def check_free(virsh: Virsh, lab: Lab, place: Place) -> None:
    """Raise HalabError that names everything the lab would use and somebody else has.

    What bears the lab's mark is its own. Nothing is changed. Raises CommandError when libvirt does
    not answer.
    """
    found = {kind: find(virsh, kind) for kind in ("domain", "network", "pool")}
    strangers = {
        kind: [one for one in all_of_it if not one.bears(place.mark)]
        for kind, all_of_it in found.items()
    }
    taken = [
        *_names(strangers["domain"], set(place.domains.values())),
        *_names(strangers["network"], {place.network(role) for role in MAC_NETWORKS}),
        *_names(strangers["pool"], {place.pool_name}),
        *_folders(strangers["pool"], place.pool),
        *_bridges(strangers["network"], place),
        *_subnets(strangers["network"], lab),
    ]
    if is_this_machine(place.uri):
        bridges = {_bridge(one) for one in found["network"]}
        taken += [*_links(place, bridges), *_routes(lab.networks.management, bridges)]
    if taken:
        raise HalabError(
            f"lab {lab.name!r} would use what somebody else has on {place.platform}; "
            "nothing was made",
            detail="\n".join(taken),
            hint="choose another `name`, or other subnets in [networks], in the lab's definition "
            f"(docs/lab-definition.md); to look at these things: {looking(place.uri)}",
        )


def looking(uri: str) -> str:
    """Return the command, ready to paste, that shows what there is in a libvirt."""
    return f"virsh -c {shlex.quote(uri)} 'list --all; net-list --all; pool-list --all'"


def _names(strangers: list[Found], wanted: set[str]) -> list[str]:
    return [
        f"{one.kind} {one.name} exists and is not this lab's{_whose(one)}"
        for one in strangers
        if one.name in wanted
    ]


def _whose(one: Found) -> str:
    folder = folder_in(one.description)
    return f" (it belongs to the lab in {folder})" if folder else ""


def _folders(pools: list[Found], wanted: Path) -> list[str]:
    return [
        f"folder {wanted} is the pool {one.name}, which is not this lab's"
        for one in pools
        if one.description.findtext("target/path") == str(wanted)
    ]


def _bridge(network: Found) -> str | None:
    bridge = network.description.find("bridge")
    return None if bridge is None else bridge.get("name")


def _bridges(networks: list[Found], place: Place) -> list[str]:
    wanted = {place.bridge(role) for role in MAC_NETWORKS}
    return [
        f"bridge {_bridge(one)} belongs to the network {one.name}"
        for one in networks
        if _bridge(one) in wanted
    ]


def _subnets(networks: list[Found], lab: Lab) -> Iterator[str]:
    for one in networks:
        for used in sorted(set(subnets(one))):
            for role in NetworkRole:
                subnet = lab.networks.subnet(role)
                if subnet.overlaps(used):
                    yield (
                        f"subnet {subnet} ({role.value}) overlaps {used}, "
                        f"which network {one.name} uses{_whose(one)}"
                    )


def subnets(network: Found) -> Iterator[IPv4Network]:
    """Return the IPv4 subnets that a network uses: its addresses and routes, a lab's note."""
    noted = subnet_in(network.description)
    if noted:
        yield IPv4Network(noted)
    for element in (*network.description.iterfind("ip"), *network.description.iterfind("route")):
        address = element.get("address", "")
        length = element.get("prefix") or element.get("netmask")
        if length and element.get("family", "ipv4") == "ipv4":
            yield IPv4Network(f"{address}/{length}", strict=False)


def is_this_machine(uri: str) -> bool:
    """Tell whether a libvirt connection leads to this machine's own networks.

    A socket that is named may lead into a namespace with others.
    """
    parts = urlsplit(uri)
    return not parts.netloc and "socket=" not in parts.query


def _links(place: Place, known: set[str | None]) -> list[str]:
    wanted = {place.bridge(role) for role in MAC_NETWORKS}
    return [
        f"this machine has a network interface {name} already"
        for name in sorted(wanted - known)
        if (LINKS / name).exists()
    ]


def _routes(management: IPv4Network, known: set[str | None]) -> list[str]:
    """Word the routes of this machine that the lab's management network would take over.

    The other networks have no address on this machine, so they cannot.
    """
    routes = json.loads(run(["ip", "-4", "-json", "route"]).stdout or "[]")
    return [
        f"subnet {management} ({NetworkRole.MANAGEMENT.value}) overlaps this machine's route to "
        f"{route['dst']} through {route.get('dev', 'a gateway')}"
        for route in routes
        if route["dst"] != "default"
        and route.get("dev") not in known
        and management.overlaps(IPv4Network(route["dst"]))
    ]

"""Rules about machines, networks, fencing and the firewall of a lab. Each yields what breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from labs.conflicts import Conflict
from labs.roles import NETWORKS_OF, MachineRole, NetworkRole
from labs.tables.fencing import AnyFencing
from labs.tables.machines import Monitor, Nodes
from labs.tables.networks import FirewallTable, Networks
from labs.tables.platforms import AnyPlatform
from labs.tables.timing import TimingTable


def names_differ(nodes: Nodes, monitor: Monitor) -> Iterator[Conflict]:
    """Every machine has a name of its own: corosync, DRBD and ssh know machines by it."""
    names = [(f"nodes.names[{index}]", name) for index, name in enumerate(nodes.names)]
    # Blame falls on the later one: better on a name that somebody wrote than on a default.
    names.insert(
        0 if "names" in nodes.model_fields_set else len(names), ("monitor.name", monitor.name)
    )
    first: dict[str, str] = {}
    for key, name in names:
        other_key = first.setdefault(name, key)
        if other_key != key:
            yield Conflict(
                keys=(key, other_key),
                value=f'"{name}"',
                allowed="a name that no other machine has",
                hint=f"{other_key} is called the same",
            )


def networks_apart(networks: Networks) -> Iterator[Conflict]:
    """No two networks overlap: a machine would not know which interface leads to an address."""
    # Blame falls on the later one: better on a network that somebody wrote than on a default.
    roles = sorted(
        NetworkRole, key=lambda role: role.replace("-", "_") in networks.model_fields_set
    )
    for other, role in combinations(roles, 2):
        subnet, other_subnet = networks.subnet(role), networks.subnet(other)
        if subnet.overlaps(other_subnet):
            yield Conflict(
                keys=(f"networks.{role}", f"networks.{other}"),
                value=f'"{subnet}"',
                allowed="a network that overlaps no other",
                hint=f"networks.{other} is {other_subnet}",
            )


def openings_make_sense(firewall: FirewallTable) -> Iterator[Conflict]:
    """What is opened can be reached, is opened once, and there is a wall to open it in."""
    if firewall.allow and not firewall.enabled:
        yield Conflict(
            keys=("firewall.allow", "firewall.enabled"),
            value=f"{len(firewall.allow)} openings (enabled false)",
            allowed="openings in a firewall that is enabled",
            hint="without a firewall everything is open: remove allow, or set enabled = true",
        )
    for index, entry in enumerate(firewall.allow):
        networks = NETWORKS_OF[MachineRole(entry.role)]
        if NetworkRole(entry.network) not in networks:
            yield Conflict(
                keys=(f"firewall.allow[{index}].network",),
                value=f'"{entry.network}"',
                allowed=f"a network of the {entry.role}: {', '.join(networks)}",
                hint=f"the {entry.role} is not connected to {entry.network}",
            )
        if entry in firewall.allow[:index]:
            yield Conflict(
                keys=(f"firewall.allow[{index}]",),
                value=f"{entry.protocol} {entry.port} on {entry.network}",
                allowed="every opening once",
                hint=f"firewall.allow[{firewall.allow.index(entry)}] is the same",
            )


def fencing_is_at_hand(
    platform: AnyPlatform, fencing: AnyFencing, timing: TimingTable
) -> Iterator[Conflict]:
    """Nodes fence each other by what the platform has, as fast as it is."""
    if fencing.kind in platform.fences:
        yield from fencing.conflicts(timing)
        return
    yield Conflict(
        keys=("fencing.kind",),
        value=f'"{fencing.kind}" (on "{platform.kind}")',
        allowed=" or ".join(f'"{each}"' for each in platform.fences),
        hint="it is not to be had there; without this table it is what is usual there",
        given=("platform.kind",),
    )

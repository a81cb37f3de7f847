"""What a healthy lab is: what was seen in, reasons for everything that is not right out. Pure.

Each machine's own kernel is asked for what it really holds (primary, mount, address); the
cluster's opinion of it is judged besides. What is right for a part, the part says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from inventory.model import Machine
from labs.roles import MachineRole
from parts.all import Parts
from parts.reasons import FOR_EVER, Reason, Remedy
from parts.seen import MonitorSeen, NodeSeen, NodeState, Seen
from parts.system.upkeep import is_updated
from status.leftovers import Cluster, leftovers
from status.reading import watched_units
from wire.system import Room

LOW_PERCENT = 10.0
LOW_MIB = 1024
"""A root filesystem is nearly full when less than this share of it is left, and less than this
many MiB: a large one may be filled further. The monitoring's template has the same numbers."""


def judge(parts: Parts, seen: Seen) -> tuple[Reason, ...]:
    """Return everything that keeps the lab from being healthy, and what is only past."""
    found: Iterator[Reason | str] = chain(
        _leftovers(parts, seen),
        _machines(parts, seen),
        _room(parts, seen),
        *(part.reasons(seen) for part in parts.every),
        _together(parts, seen),
    )
    # A sentence alone stands for what passes.
    reasons = (Reason(each) if isinstance(each, str) else each for each in found)
    told = {reason.sentence: reason for reason in reasons}.values()
    return tuple(sorted(told, key=lambda reason: not reason.grave))


def _leftovers(parts: Parts, seen: Seen) -> Iterator[Reason]:
    name, speaker = seen.speaker_name, seen.speaker
    if name is None or speaker is None or speaker.cluster is None:
        return
    yield from leftovers(
        Cluster(
            view=speaker.cluster,
            deeds=speaker.deeds,
            speaker=name,
            states={node.name: seen.state(node.name) for node in parts.inventory.nodes},
            timing=parts.inventory.timing,
            redundant=all(each.is_redundant(seen) for each in parts.storage.values()),
            updated=frozenset(name for name, node in seen.reached.items() if is_updated(node)),
        )
    )


def _machines(parts: Parts, seen: Seen) -> Iterator[Reason | str]:
    sentences = {
        NodeState.UNREACHABLE: "does not answer over ssh",
        NodeState.OFFLINE: "has not joined the cluster",
        NodeState.UNCLEAN: "is unclean: the cluster has lost it and has to fence it",
    }
    inventory = parts.inventory
    # A node boots, and its daemons wait for each other, for as long as that.
    wait_s = inventory.timing.boot_wait_s
    for node in inventory.nodes:
        state = seen.state(node.name)
        if state in sentences:
            yield f"{node.name} {sentences[state]}"
        found = seen.nodes.get(node.name)
        if found is not None:
            yield from _units(parts, node, found.units, wait_s)
    if seen.monitor is None:
        yield f"{inventory.monitor.name} does not answer over ssh"
    else:
        yield from _units(parts, inventory.monitor, seen.monitor.units, wait_s)


def _units(
    parts: Parts, machine: Machine, units: Mapping[str, str], wait_s: float
) -> Iterator[Reason | str]:
    if not units and watched_units(parts, machine.role):
        yield f"{machine.name} does not tell which services run"
    for unit, state in units.items():
        if state == "active":
            continue
        sentence = f"service {unit} on {machine.name} is {state}"
        if state not in ("inactive", "failed"):
            yield sentence
            continue
        # Corosync brings sbd along, and nothing else can.
        node = machine.role is MachineRole.NODE
        started = _stack(parts) if node else unit
        command = f"systemctl reset-failed {unit}; systemctl start {started}"
        yield Reason(sentence, Remedy(machine.name, command), FOR_EVER, wait_s)


def _stack(parts: Parts) -> str:
    """Return the units that bring along everything that a node's cluster consists of."""
    return " ".join(unit for unit in parts.cluster_units if unit != "corosync")


def _room(parts: Parts, seen: Seen) -> Iterator[Reason]:
    asked: dict[str, NodeSeen | MonitorSeen | None] = {**seen.nodes}
    asked[parts.inventory.monitor.name] = seen.monitor
    for name, found in asked.items():
        room = found.room if found else None
        if room is not None and _is_low(room):
            sentence = (
                f"the root filesystem of {name} is nearly full: {room.free_mib:.0f} MiB "
                f"({room.blocks_percent:.0f} %) and {room.inodes_percent:.0f} % of the inodes left"
            )
            shows = Remedy(
                name,
                "du -xh --max-depth=3 / | sort -h | tail",
                warning="It shows who takes the room; what may go is for you to say.",
            )
            yield Reason(sentence, shows, FOR_EVER, 5.0 * parts.inventory.timing.pace)


def _is_low(room: Room) -> bool:
    few_blocks = room.blocks_percent < LOW_PERCENT and room.free_mib < LOW_MIB
    return few_blocks or room.inodes_percent < LOW_PERCENT


def _together(parts: Parts, seen: Seen) -> Iterator[str]:
    """Tell what does not run where the data of its service can be written."""
    if seen.cluster is None:
        return
    for part in parts.services.values():
        if part.storage is None:
            continue
        holder, role = parts.storage[part.storage.name].holder
        holding = seen.cluster.running(holder, role)
        for member in parts.beside_data(part.service):
            started = seen.cluster.running(member.id)
            if not started:
                yield f"resource {member.id} is not started"
            elif started != holding:
                where = ", ".join(started)
                yield f"resource {member.id} runs on {where}, not where {holder} is {role.value}"

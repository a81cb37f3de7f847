"""The map of a lab: where machines, networks and the lines between them are drawn, in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.text import plain
from drills.report.words import shorten
from drills.result import MachineSheet
from labs.roles import MachineRole, NetworkRole

LEFT, COLUMN, BOX, BOX_HEIGHT = 150.0, 205.0, 150.0, 84.0
FIRST, BETWEEN, ABOVE_BOXES, BELOW_BOXES = 20.0, 28.0, 62.0, 34.0

ABOVE = (NetworkRole.MANAGEMENT, NetworkRole.SERVICE)
BELOW = (NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B, NetworkRole.REPLICATION)

LONGEST_NAME = 14
"""What fits into a box."""

NAMES = {NetworkRole.REPLICATION: "replication (over both)"}


@dataclass(frozen=True)
class Network:
    """A horizontal line; `role` is also its CSS class."""

    role: str
    name: str
    y: float


@dataclass(frozen=True)
class Drop:
    """A line from a machine to a network, with the machine's address beside its end."""

    role: str
    x: float
    box_y: float
    network_y: float
    address: str


@dataclass(frozen=True)
class Box:
    """A machine: what is written in it, and whether the fault was aimed at it."""

    name: str
    x: float
    y: float
    notes: tuple[tuple[str, str], ...]
    """CSS class and words of each line."""

    hit: bool
    active: bool


@dataclass(frozen=True)
class Move:
    """The service went from one machine to another: an arc above the boxes."""

    start_x: float
    end_x: float
    y: float


@dataclass(frozen=True)
class Map:
    """The whole drawing."""

    width: float
    height: float
    networks: tuple[Network, ...]
    drops: tuple[Drop, ...]
    boxes: tuple[Box, ...]
    moves: tuple[Move, ...]
    words: str
    """What the drawing says, for those who cannot see it."""


def lay_out(machines: Sequence[MachineSheet], hit: tuple[str, str]) -> Map | None:
    """Place everything; None without machines. `hit` says what befell those that were aimed at."""
    if not machines:
        return None
    used = {network for machine in machines for network in machine.addresses}
    above = [network for network in ABOVE if network in used]
    below = [network for network in BELOW if network in used]
    top = FIRST + BETWEEN * max(0, len(above) - 1) + (ABOVE_BOXES if above else 0)
    lines = {network: FIRST + BETWEEN * index for index, network in enumerate(above)}
    bottom = top + BOX_HEIGHT
    lines |= {
        network: bottom + BELOW_BOXES + BETWEEN * index for index, network in enumerate(below)
    }
    placed = [(machine, LEFT + COLUMN * column) for column, machine in enumerate(machines)]
    boxes = tuple(_box(machine, x, top, hit) for machine, x in placed)
    return Map(
        width=LEFT + COLUMN * len(machines),
        height=max([bottom, *lines.values()]) + 14,
        networks=tuple(
            Network(network.value, NAMES.get(network, network.value), y)
            for network, y in lines.items()
        ),
        drops=tuple(
            drop for machine, x in placed for drop in _drops(machine, x, top, above, below, lines)
        ),
        boxes=boxes,
        moves=_moves(placed, top),
        words="; ".join(
            f"{box.name}: {', '.join(words for _, words in box.notes)}" for box in boxes
        ),
    )


def _box(machine: MachineSheet, x: float, y: float, hit: tuple[str, str]) -> Box:
    notes: list[tuple[str, str]] = []
    if machine.role is MachineRole.MONITOR:
        notes.append(("soft", "the client outside"))
    if machine.hit:
        notes.append(hit)
    states = {
        # Who was hit may have been away meanwhile, and home again.
        (True, True): ("pass", "● active before, after" if machine.hit else "● stayed active"),
        (True, False): ("soft", "○ active before"),
        (False, True): ("pass", "● active after"),
    }
    state = states.get((machine.active_before, machine.active_after))
    if state is not None:
        notes.append(state)
    elif machine.role is MachineRole.NODE:
        notes.append(("soft", "stands by"))
    return Box(
        shorten(plain(machine.name), LONGEST_NAME),
        x,
        y,
        tuple(notes),
        machine.hit,
        machine.active_after,
    )


def _drops(
    machine: MachineSheet,
    x: float,
    top: float,
    above: Sequence[NetworkRole],
    below: Sequence[NetworkRole],
    lines: dict[NetworkRole, float],
) -> list[Drop]:
    """The nearer a network the further right its line, so that no line crosses an address."""
    found = []
    for networks, edge in ((list(above), top), (list(reversed(below)), top + BOX_HEIGHT)):
        step = BOX / (len(networks) + 1) if networks else 0.0
        for place, network in enumerate(networks, start=1):
            address = machine.addresses.get(network)
            if address is not None:
                drop_x = x + step * place - BOX / 8
                found.append(Drop(network.value, drop_x, edge, lines[network], _bare(address)))
    return found


def _moves(placed: Sequence[tuple[MachineSheet, float]], top: float) -> tuple[Move, ...]:
    gone = [x for machine, x in placed if machine.active_before and not machine.active_after]
    come = [x for machine, x in placed if machine.active_after and not machine.active_before]
    return tuple(
        Move(source + BOX - 12, target + 12, top)
        if source < target
        else Move(source + 12, target + BOX - 12, top)
        for source, target in zip(gone, come, strict=False)
    )


def _bare(address: str) -> str:
    """Leave the length of the prefix out: the line is the network."""
    return plain(address).partition("/")[0]

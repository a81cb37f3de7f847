"""Draws a lab with the letters of a terminal: networks are lines from top to bottom.

So there is room for any number of machines, each a joint on the lines of its networks. Colours only
repeat what lines and words say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from drawing.scene import INSIDE, Scene, title
from inventory.model import Machine
from inventory.parts import Service
from labs.roles import NetworkRole

TRACKS = {
    NetworkRole.CLUSTER_A: "blue",
    NetworkRole.CLUSTER_B: "cyan",
    NetworkRole.MANAGEMENT: "yellow",
    NetworkRole.SERVICE: "green",
}
"""Networks with a line of their own, from left to right, and their colours. Those that fewer
machines are on stand left: where only others go on, their lines have ended."""

BEGIN, JOINT, FLOATING, LINE = "┌", "●", "◆", "│"
BOND = {NetworkRole.CLUSTER_A: "╞", NetworkRole.CLUSTER_B: "╪"}

LEAST_WIDTH = 14
"""Columns for what is said of a machine, however narrow the terminal is."""


@dataclass(frozen=True)
class Row:
    """A line of the drawing: its signs on the lines of networks, a name, and what is said of it.

    Each text in `said` begins a line of its own; none, and the row is a space between others.
    """

    signs: Mapping[NetworkRole, str]
    name: str
    said: tuple[str, ...]
    dash: str = "─"


SPACE = Row({}, "", ("",))


@dataclass(frozen=True)
class TerminalDrawing:
    """A lab for rich to print, as wide as the terminal is."""

    scene: Scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the drawing line by line, then what the lab is made of."""
        yield Text(self.scene.lab.name, style="bold")
        if self.scene.description:
            yield Text(self.scene.description)
        rows = tuple(self._rows())
        broad = max(len(row.name) for row in rows) + 2
        for index, row in enumerate(rows):
            open_ = _joined(rows[: index + 1]) & _joined(rows[index + 1 :])
            lines = {role: LINE for role in TRACKS if role in open_}
            head, rest = _tracks({**lines, **row.signs}, row.dash), _tracks(lines)
            width = max(LEAST_WIDTH, options.max_width - head.cell_len - broad)
            said = [line for text in row.said for line in wrap(text, width) or [""]]
            for number, line in enumerate(said):
                name = "" if number else row.name
                before = rest if number else head
                drawn = Text.assemble(before, (f"{name:<{broad}}", "bold"), line)
                drawn.rstrip()
                yield drawn
        yield ""
        yield self._facts()

    def _rows(self) -> Iterator[Row]:
        inventory = self.scene.inventory
        yield SPACE
        yield from self._networks()
        for machine in (*inventory.nodes, inventory.monitor):
            yield SPACE
            yield self._machine(machine)
        yield SPACE
        for service in self.scene.services:
            yield from self._addresses(service)

    def _networks(self) -> Iterator[Row]:
        for role, segment in self.scene.segments.items():
            bond = role is NetworkRole.REPLICATION
            yield Row(
                {each: BOND[each] for each in self.scene.carriers} if bond else {role: BEGIN},
                role.value,
                (f"{segment.subnet}  {segment.purpose}",),
                "═" if bond else "─",
            )
            if role is NetworkRole.MANAGEMENT:
                yield Row({role: JOINT}, "halab, you", (self.scene.platform,))

    def _machine(self, machine: Machine) -> Row:
        scene = self.scene
        nics = {role: machine.interfaces.get(role) for role in scene.segments}
        return Row(
            {role: JOINT for role in TRACKS if nics[role]},
            machine.name,
            (
                f"{scene.size_of(machine)}: {', '.join(scene.duties(machine))}",
                "  ".join(str(nic.address.ip) for nic in nics.values() if nic),
            ),
        )

    def _addresses(self, service: Service) -> Iterator[Row]:
        homes = self.scene.inventory.homes(service)
        for address in service.addresses:
            home = homes.get(address.ip)
            where = f"at home on {home}" if home else "on one node"
            yield Row(
                {NetworkRole.SERVICE: FLOATING},
                str(address.ip),
                (f"{service.name}, port {service.port}: {where}",),
            )

    def _facts(self) -> Table:
        scene, inventory = self.scene, self.scene.inventory
        table = Table.grid(padding=(0, 2, 0, 0))
        for service in scene.services:
            table.add_row("service", service.name, self._service(service))
        for each in inventory.storage:
            said = f"{title(each.settings.kind)}, {scene.disks(each)}"
            table.add_row(
                "storage", each.name, f"{said}; {each.mount_point} on {scene.users(each)} of them"
            )
        table.add_row("fencing", title(inventory.fencing.kind), scene.fencing.how)
        table.add_row("quorum", inventory.quorum, scene.decides)
        if scene.rented:
            whose, what, price = scene.rented
            table.add_row("machines", whose, f"{what}; {price}")
        return table

    def _service(self, service: Service) -> str:
        """Say what a service is and what it needs, and where it is found if no address says it."""
        one = f"{self.scene.one_node(service)}; on another when that fails"
        where = "every node" if service.everywhere else one
        store, behind = self.scene.inventory.storage_of(service), self.scene.behind(service)
        data = f"; storage {store.name}" if store else ""
        passes = f"; passes requests to {behind.name}" if behind else ""
        inside = "" if service.addresses else f"; port {service.port}, {INSIDE}"
        return f"{title(service.settings.kind)} on {where}{data}{passes}{inside}"


def _joined(rows: Sequence[Row]) -> set[NetworkRole]:
    """Return the networks that any of these rows has a sign on."""
    return {role for row in rows for role in row.signs}


def _tracks(signs: Mapping[NetworkRole, str], dash: str = " ") -> Text:
    """Draw what stands on the lines, joined from the first sign on that is more than a line."""
    text, gap = Text(), " "
    for role, colour in TRACKS.items():
        text.append(signs.get(role, gap), colour if role in signs else "dim")
        if signs.get(role, LINE) != LINE:
            gap = dash
        text.append(gap, "dim")
    return text.append(f"{gap} ", "dim")

"""Fencing: poison pills on a disk that the nodes share, and a watchdog for who cannot read them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from parts.base import Found
from parts.cluster import Primitive, advised, operations
from parts.facts import Facts
from parts.fencing.agents import FenceAgent
from parts.fencing.base import PRIMITIVE, FencingPart
from parts.host import Entry, File, Step, program, render, unit_link
from parts.secrets import Secrets
from parts.seen import LIMITED, Seen
from parts.watched import Watched, watched
from wire.sbd import parse_slots

UNIT = "sbd.service"
CONFIGURATION = "/etc/default/sbd"
AGENT = FenceAgent("/usr/sbin/fence_sbd")
MODULES = "/etc/modules-load.d/halab-watchdog.conf"
LOOK = "fencing disk"
UNREADABLE = "unreadable"
"""What a look at a disk finds that does not let itself be read, whatever stands on it."""


@dataclass(frozen=True)
class DiskTimeouts:
    """What the fencing disk's header says; it overrules /etc/default/sbd. Seconds."""

    watchdog: int
    msgwait: int


class Sbd(FencingPart):
    """SBD on every node, and the fencing device in the cluster."""

    node_packages = ("fence-agents-sbd", "kmod", "sbd")

    def __init__(self, inventory: Inventory, disk: str) -> None:
        """Take the fencing disk, by its path in every node."""
        super().__init__(inventory)
        self.disk = disk

    @property
    def confirmed_s(self) -> float:
        """Seconds: msgwait, what the agent and Pacemaker take around it, and slow starts."""
        return self.timing.msgwait_s + 1 + self.timing.slow_start_s

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return sbd's unit, which starts with corosync."""
        return (UNIT,)

    def looks(self, machine: Machine) -> dict[str, str]:
        """Ask for the disk's header and its slots, and whether it can be read at all."""
        disk = shlex.quote(self.disk)
        read = f"{LIMITED} dd if={disk} of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null"
        ask = " ".join(f"sbd -d {disk} {word} 2>/dev/null || :;" for word in ("dump", "list"))
        told = f"if {read}; then {ask} else echo {UNREADABLE}; fi"
        return {LOOK: f"if command -v sbd >/dev/null; then {told}; fi"}

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe sbd's configuration and start, the module that it needs, and the agent."""
        return (
            File(
                CONFIGURATION,
                render("sbd.j2", disk=self.disk, watchdog=self.timing.watchdog_s),
            ),
            File(MODULES, render("watchdog-module.conf.j2")),
            AGENT.file(),
            unit_link(UNIT, "corosync.service.requires"),
            unit_link(UNIT, "pacemaker.service.requires"),
        )

    def hinders(self, found: Found) -> Iterator[str]:
        """Tell of a disk that somebody cannot read, and of one that is somebody else's as well.

        By a header that nobody reads nothing can be decided, and a new one would take the slots of
        another cluster's nodes from under their daemons.
        """
        nodes = self.inventory.nodes
        for node in nodes if any(found[node].is_member for node in nodes) else ():
            if not _readable(found[node]):
                yield f"{node.name} cannot read the fencing disk {self.disk}"
        known = found.known.union(node.name for node in nodes)
        others = [name for name in self._slots(nodes[0], found) if name not in known]
        if others and header(found[nodes[0]]) != wanted(self.inventory):
            yield (
                f"the fencing disk {self.disk} has slots of {', '.join(others)}, and this lab's "
                "timeouts are others than its: it needs a disk of its own"
            )

    def must_stop(self, machine: Machine, secrets: Secrets, found: Found) -> bool:
        """Tell whether the cluster has to stop for its fencing to be put right.

        Everywhere where the disk has other timeouts, or no header: running daemons would go on with
        those, and in slots that a new header does not know. Here where Pacemaker runs without sbd,
        which starts before it, with corosync alone.
        """
        other = any(
            facts.is_member and _readable(facts) and header(facts) != wanted(self.inventory)
            for facts in map(found.__getitem__, self.inventory.nodes)
        )
        facts = found[machine]
        return other or (facts.cluster_runs and not facts.unit(UNIT).active)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Have the agent described, the watchdog in the kernel, and a header on the disk.

        One node writes that, and only while no cluster uses the disk.
        """
        steps = [*AGENT.describe(written)]
        facts = found[machine]
        if MODULES in written or not facts.unit(UNIT).active:
            steps.append(Step("watchdog loaded", program("load_watchdog.sh")))
        timeouts = wanted(self.inventory)
        if self.is_first(machine) and header(facts) != timeouts:
            names = (node.name for node in self.inventory.nodes)
            held = (str(timeouts.watchdog), str(timeouts.msgwait))
            words = (self.disk, *held, *names)
            command = f"set -- {shlex.join(words)}\n{program('create_fencing_disk.sh')}"
            steps.append(Step("fencing disk initialised", command))
        return tuple(steps)

    def admit(self, machine: Machine, found: Found, written: frozenset[str]) -> tuple[Step, ...]:
        """Take the slots of nodes that leave, and give new ones theirs, one after the other.

        Who leaves is still known to the cluster, and has stopped. All other slots are somebody
        else's: several clusters may share a disk.
        """
        if not self.is_first(machine) or header(found[machine]) != wanted(self.inventory):
            return ()
        held = self._slots(machine, found)
        nodes = [node.name for node in self.inventory.nodes]
        disk = self.disk
        return (
            *(
                Step(
                    f"slot of {name} on the fencing disk given up",
                    f"set -- {shlex.join((disk, name))}\n{program('release_slot.sh')}",
                )
                for name in held
                if name in found.known.difference(nodes)
            ),
            *(
                Step(
                    f"slot for {name} on the fencing disk",
                    f"sbd -d {shlex.quote(disk)} allocate {name}",
                )
                for name in nodes
                if name not in held
            ),
        )

    def welcome(self, machine: Machine, found: Found) -> tuple[Step, ...]:
        """Have sbd look into a slot of the node's own: others can fence it."""
        listed = f"sbd -d {shlex.quote(self.disk)} list"
        row = shlex.quote(f"\t{machine.name}\tclear\t")
        command = f"systemctl is-active --quiet sbd\n{listed} | grep -qF -- {row}"
        return (Step("fencing of this node proven ready", command),)

    def _slots(self, machine: Machine, found: Found) -> tuple[str, ...]:
        """Return whose slots a node finds on the disk."""
        return tuple(slot.node for slot in parse_slots(found[machine].looks.get(LOOK, "")))

    def watched(self, role: MachineRole) -> tuple[str, ...]:
        """Return sbd."""
        return ("sbd",)

    def readings(self) -> dict[str, str]:
        """Read the disk's slots."""
        return {"slots": f"{LIMITED} sbd -d {shlex.quote(self.disk)} list"}

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell of a disk that cannot be read, of messages on it, and of a device that is away."""
        for name, node in seen.reached.items():
            slots = parse_slots(node.told.get("slots", ""))
            if not slots:
                yield f"{name} cannot read the fencing disk"
            for slot in slots:
                if slot.message != "clear":
                    yield f"{name} reads {slot.message!r} for {slot.node} on the fencing disk"
        yield from super().reasons(seen)

    def monitored(self) -> tuple[Watched, ...]:
        """Watch both ways in which a node can be fenced: its disk and its watchdog."""
        return (watched("sbd"),)

    @property
    def device(self) -> Primitive:
        """The resource. Its monitor reads a disk; Pacemaker's default timeout is 20."""
        return Primitive(
            PRIMITIVE,
            AGENT.type,
            operations(advised(self.timing, start=30, stop=20, monitor=30, every_s=120)),
            {
                "devices": self.disk,
                "power_timeout": self.timing.power_timeout_s,
                "pcmk_host_check": "static-list",
                "pcmk_host_list": " ".join(node.name for node in self.inventory.nodes),
            },
            meta={"requires": "nothing"},
        )


def wanted(inventory: Inventory) -> DiskTimeouts:
    """Return the timeouts that the disk shall hold."""
    return DiskTimeouts(inventory.timing.watchdog_s, inventory.timing.msgwait_s)


def _readable(facts: Facts) -> bool:
    return facts.looks.get(LOOK, "").strip() != UNREADABLE


def header(facts: Facts) -> DiskTimeouts | None:
    """Return the timeouts that a node reads on the disk; None when it holds no header."""
    return parse_dump(facts.looks.get(LOOK, ""))


def parse_dump(printed: str) -> DiskTimeouts | None:
    """Read `sbd dump`; None when the disk holds no header."""
    values = dict(re.findall(r"^Timeout \((\w+)\)\s*:\s*(\d+)$", printed, re.MULTILINE))
    if not {"watchdog", "msgwait"} <= values.keys():
        return None
    return DiskTimeouts(int(values["watchdog"]), int(values["msgwait"]))

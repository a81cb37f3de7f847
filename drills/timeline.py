"""Where the time of a failover went, told from the survivor's journal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from drills.probes import Outage
from inventory.model import Machine
from labs.timing import Budget
from provisioning.remote import Remote

UNITS = ("corosync", "pacemaker", "sbd")


@dataclass(frozen=True)
class Line:
    """A line of a journal; `at` in seconds since 1970 on the lab's clock."""

    at: float
    program: str
    message: str


@dataclass(frozen=True)
class Milestones:
    """When a survivor reached each step of a failover; None for what it did not log."""

    membership: float | None
    requested: float | None
    fenced: float | None
    promoted: float | None
    address: float | None


@dataclass(frozen=True)
class Step:
    """One step of a failover: what it took and what it may take, in seconds."""

    name: str
    seconds: float | None
    allowed: float


@dataclass(frozen=True)
class Timeline:
    """A failover as the client outside saw it, cut at the survivor's milestones."""

    outage: Outage
    milestones: Milestones
    steps: tuple[Step, ...]
    budget: float

    @property
    def fenced_first(self) -> bool | None:
        """Whether fencing was confirmed before the promotion; None when it cannot be told."""
        fenced, promoted = self.milestones.fenced, self.milestones.promoted
        return None if fenced is None or promoted is None else fenced <= promoted

    def __str__(self) -> str:
        rows = [f"client outage {self.outage.seconds:.1f} s of {self.budget:.1f} s"]
        for step in self.steps:
            took = "   ?" if step.seconds is None else f"{step.seconds:4.1f}"
            rows.append(f"  {step.name:<10}{took} s of {step.allowed:4.1f} s")
        return "\n".join(rows)


def read_journal(machine: Machine, since: float) -> tuple[Line, ...]:
    """Return what the cluster's daemons have logged on a machine since then (lab's clock)."""
    units = " ".join(f"--unit {unit}" for unit in UNITS)
    command = f"journalctl --quiet --no-pager --output short-unix --since @{since:.0f} {units}"
    with Remote(machine) as remote:
        text = remote.run(command, timeout=120).stdout
    return tuple(line for line in parse_journal(text) if line.at >= since)


_LINE = re.compile(r"^(\d+\.\d+) \S+ ([^\s\[:]+)(?:\[\d+\])?: (.*)$", re.MULTILINE)


def parse_journal(text: str) -> tuple[Line, ...]:
    """Read `journalctl --output short-unix`."""
    return tuple(Line(float(at), program, message) for at, program, message in _LINE.findall(text))


def find_milestones(lines: Iterable[Line], victim: str, survivor: str) -> Milestones:
    """Find the steps of the first failover from `victim` to `survivor`.

    Each is searched after the one before: a rejoin later forms a membership as well.
    """
    rest = _After(lines)
    return Milestones(
        membership=rest.first(r"A new membership \(\S+\) was formed"),
        requested=rest.first(rf"Requesting fencing \(\w+\) targeting node {re.escape(victim)}\b"),
        fenced=rest.first(
            rf"Operation '(?:reboot|off)' targeting {re.escape(victim)} by .*: OK\b"
            rf"|Peer {re.escape(victim)} was terminated .*: OK\b"
        ),
        promoted=rest.first(_done("promote", r"\S+", survivor)),
        address=rest.first(_done("start", "address", survivor)),
    )


def _done(operation: str, resource: str, node: str) -> str:
    return rf"Result of {operation} operation for {resource} on {re.escape(node)}: (?i:ok)\b"


class _After:
    """Searches lines for one thing after the other."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = sorted(lines, key=lambda line: line.at)

    def first(self, pattern: str) -> float | None:
        """Return when the pattern was first logged; what comes next is searched behind it."""
        for index, line in enumerate(self._lines):
            if re.search(pattern, line.message):
                self._lines = self._lines[index:]
                return line.at
        return None


def cut(outage: Outage, milestones: Milestones, budget: Budget) -> Timeline:
    """Divide an outage among the budget's steps.

    Detection begins with the last answer, so it holds the time to the next probe as well; the last
    step ends with the first answer.
    """
    marks = (
        outage.began,
        milestones.membership,
        milestones.requested,
        milestones.fenced,
        milestones.promoted,
        outage.over,
    )
    allowed = {
        "detection": budget.detection_s,
        "decision": budget.decision_s,
        "fencing": budget.fencing_s,
        "promotion": budget.promotion_s,
        "start": budget.start_s + budget.probe_s,
    }
    steps = tuple(
        Step(name, None if begin is None or end is None else end - begin, allowed_s)
        for (name, allowed_s), begin, end in zip(
            allowed.items(), marks[:-1], marks[1:], strict=True
        )
    )
    return Timeline(outage, milestones, steps, budget.total_s)

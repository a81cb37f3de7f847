"""Where the time of a failover went, told from the survivor's journal. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from drills.probes import Outage
from drills.result import Phase
from labs.durations import Budget


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


_LINE = re.compile(r"^(\d+\.\d+) \S+ ([^\s\[:]+)(?:\[\d+\])?: (.*)$", re.MULTILINE)


def parse_journal(text: str) -> tuple[Line, ...]:
    """Read `journalctl --output short-unix`."""
    return tuple(Line(float(at), program, message) for at, program, message in _LINE.findall(text))


def first_after(lines: Iterable[Line], pattern: str, since: float) -> float | None:
    """Return when a pattern was first logged after `since`."""
    return _After(line for line in lines if line.at >= since).first(pattern)


def find_milestones(
    lines: Iterable[Line], victim: str, survivor: str, *, promoted: str | None, address: str
) -> Milestones:
    """Find the steps of the first failover from `victim` to `survivor`.

    `promoted` and `address` are the ids of what is promoted, if anything is, and of what clients
    find. Each step is searched after the one before: a rejoin later forms a membership as well.
    """
    rest = _After(lines)
    return Milestones(
        membership=rest.first(r"A new membership \(\S+\) was formed"),
        requested=rest.first(rf"Requesting fencing \(\w+\) targeting node {re.escape(victim)}\b"),
        fenced=rest.first(
            rf"Operation '(?:reboot|off)' targeting {re.escape(victim)} by .*: OK\b"
            rf"|Peer {re.escape(victim)} was terminated .*: OK\b"
        ),
        promoted=None if promoted is None else rest.first(done("promote", promoted, survivor)),
        address=rest.first(done("start", address, survivor)),
    )


def done(operation: str, resource: str, node: str) -> str:
    """Return the pattern of Pacemaker's word that an operation went well."""
    name = re.escape(resource)
    return rf"Result of {operation} operation for {name}(?::\d+)? on {re.escape(node)}: (?i:ok)\b"


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


def phases(outage: Outage, milestones: Milestones, budget: Budget) -> tuple[Phase, ...]:
    """Divide an outage among the budget's steps.

    Detection begins with the last answer, so it holds the time to the next probe as well; the last
    step ends with the first answer. What the cluster did before clients noticed took none of their
    time: a killed corosync's node serves until it is reset.
    """
    steps = (
        ("detection", budget.detection_s, milestones.membership),
        ("decision", budget.decision_s, milestones.requested),
        ("fencing", budget.fencing_s, milestones.fenced),
        *((("promotion", budget.promotion_s, milestones.promoted),) if budget.promotion_s else ()),
        ("start", budget.start_s + budget.probe_s + budget.pause_s, outage.over),
    )
    ends = [None if at is None else max(at, outage.began) for _, _, at in steps]
    return tuple(
        Phase(name=name, began=began, ended=ended, allowed_s=allowed_s)
        for (name, allowed_s, _), began, ended in zip(
            steps, [outage.began, *ends[:-1]], ends, strict=True
        )
    )

"""The moments of a drill, for a timeline: from hypervisor, journals and monitoring. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from drills.power import Event
from drills.result import Mark, MarkKind
from drills.timeline import Line
from status.problems import Report

_WORTH_A_MARK: tuple[tuple[MarkKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (MarkKind.MEMBERSHIP, r"A new membership \(\S+\) was formed.*"),
        (MarkKind.MEMBERSHIP, r"link: host: \d+ link: \d+ is (?:down|up)"),
        (MarkKind.MEMBERSHIP, r"This node is within the (?:non-)?primary component.*"),
        (MarkKind.FENCING, r"Requesting fencing \(\w+\) targeting node \S+"),
        (MarkKind.FENCING, r"Operation '(?:reboot|off)' targeting \S+ by \S+ .*: \w+"),
        (MarkKind.RESOURCE, r"Result of (?:start|stop|promote|demote) operation for .*"),
        (MarkKind.REPLICATION, r"\b(?:conn|role|disk|pdsk)\( \w+ -> \w+ \)"),
    )
)


def marks(
    events: Iterable[Event],
    journals: Mapping[str, tuple[Line, ...] | None],
    until: float,
    *,
    monitor: str = "monitor",
    reports: Iterable[Report] = (),
) -> tuple[Mark, ...]:
    """Return all moments worth showing, in order; nothing after `until`.

    Lines of a machine whose clock was wrong fall outside and are left out with the rest.
    """
    found = [
        Mark(
            at=event.at,
            machine=event.machine,
            kind=MarkKind.HYPERVISOR,
            text=f"{event.kind} {event.detail}".strip(),
        )
        for event in events
    ]
    found += [
        Mark(
            at=report.at,
            machine=monitor,
            kind=MarkKind.PROBLEM,
            text=f"{report.name} ({report.host.removesuffix('.cluster')})"
            if report.raised
            else f"ended: {report.name}",
        )
        for report in reports
    ]
    for machine, lines in journals.items():
        found += [mark for line in lines or () if (mark := _mark(machine, line))]
    return tuple(sorted((m for m in found if m.at <= until), key=lambda mark: mark.at))


def _mark(machine: str, line: Line) -> Mark | None:
    for kind, pattern in _WORTH_A_MARK:
        match = pattern.search(line.message)
        if match:
            return Mark(at=line.at, machine=machine, kind=kind, text=match[0])
    return None

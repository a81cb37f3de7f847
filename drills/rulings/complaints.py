"""What `status` and the monitoring had to say while the fault was there, and after it."""

from __future__ import annotations

import re

from drills.findings import Findings
from drills.rulings.base import Ruling, names
from status.problems import Alarm

ABOUT_THE_FENCED = frozenset({Alarm.NODE_LOST, Alarm.FENCED})
"""Alarms that name a node: raised for another one than was fenced, they are a lie."""


def complained(pattern: str, found: Findings) -> Ruling:
    """The status gave a reason that the pattern is found in."""
    matching = sorted(reason for reason in found.seen if re.search(pattern, reason))
    if matching:
        return True, matching[0]
    return False, f"it said: {'; '.join(sorted(found.seen)) or 'nothing'}"


def raised(alarm: Alarm, found: Findings) -> Ruling:
    """The monitoring raised this alarm, and for whom it had to."""
    if found.reports is None:
        return None, "the monitoring does not answer"
    heard = [report for report in found.reports if report.raised]
    matching = [report for report in heard if report.alarm is alarm]
    if matching:
        first = matching[0]
        took = first.at - found.injected
        said = f"{first.host}: {first.name}, {took:.1f} s after the fault"
        hosts = {report.host for report in matching}
        fenced = found.expected.fenced
        told = fenced | found.expected.missed if alarm is Alarm.NODE_LOST else fenced
        if alarm in ABOUT_THE_FENCED and not fenced <= hosts <= told:
            return False, f"raised for {names(hosts)}: {said}"
        return True, said
    said = "; ".join(dict.fromkeys(report.name for report in heard))
    return False, f"it raised: {said or 'nothing'}"


def no_problem(found: Findings) -> Ruling:
    """The monitoring sees no problem any more."""
    if found.problems is None:
        return None, "the monitoring does not answer"
    said = "; ".join(f"{problem.host}: {problem.name}" for problem in found.problems)
    return not found.problems, said or "none is open"

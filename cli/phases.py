"""Where the seconds of a build went, told from what was said while it ran."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

LAST_SAID = {
    "machines": r"making machine ",
    "ssh": r"\S+: answers$",
    "packages": r"\S+: packages installed",
    "files and firewall": r"\S+: (?:\d+ files? written|firewall rules in force)",
    "daemons": r"\S+: (?:membership|cluster) started$",
    "services": r"\S+: (?:the service answers|all services answer)$",
    "monitoring": r"\S+: monitored: ",
}
"""What is said last in a phase, by the phase's name; several machines may say it."""

REST = "health"
"""What the time after all of them is for."""


def phases(said: Iterable[tuple[float, str]], took_s: float) -> tuple[tuple[str, float], ...]:
    """Return the phases of a step in the order in which they ended, each with its own seconds.

    `said` are sentences and when they were said, in seconds since the step began, of `took_s` in
    all. What overlaps counts for the phase that ended first. Nothing of a step without phases.
    """
    ends = {
        name: at for at, text in said for name, last in LAST_SAID.items() if re.match(last, text)
    }
    if not ends:
        return ()
    marks = [("", 0.0), *sorted(ends.items(), key=lambda end: end[1]), (REST, took_s)]
    return tuple((name, end - start) for (_, start), (name, end) in pairwise(marks))


def told(found: Iterable[tuple[str, float]]) -> str:
    """Word phases."""
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in found)

"""Bad news: what no journal may hold after a drill, unless the drill expects it by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from drills.timeline import Line

BAD_NEWS = {
    "split brain": r"[Ss]plit-?[Bb]rain detected",
    "data at risk": r"DATA INTEGRITY at RISK",
    # As kernels say it of a device: a shell calls a pipe whose reader is gone an I/O error, too.
    "disk trouble": r"I/O error(?:,| on) dev|EXT4-fs (?:error|warning)",
    # As programs say it: compressors mean a full disk as well.
    "input/output error": r"Input/output error",
    "kernel trouble": r"kernel BUG|Oops:|Kernel panic|blocked for more than|soft lockup",
    "out of memory": r"Out of memory:|oom-kill",
    "crash": r"segfault at|dumped core|code=(?:dumped|killed), status=\d+/(?:ABRT|SEGV)",
}


def find_bad_news(
    lines: Iterable[Line], patterns: Mapping[str, str] = BAD_NEWS
) -> list[tuple[str, str]]:
    """Return the name of the pattern and the message for every bad line."""
    compiled = {name: re.compile(pattern) for name, pattern in patterns.items()}
    return [
        (name, line.message)
        for line in lines
        for name, pattern in compiled.items()
        if pattern.search(line.message)
    ]

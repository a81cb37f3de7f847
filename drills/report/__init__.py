"""The report of a drill: one HTML file that needs no network, on a screen or on a wall."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from core.folders import cache_folder
from core.places import write_out
from drills.history import Change, Strand
from drills.result import DrillResult

_MARK = b'<meta name="generator" content="halab">'


def is_page(path: Path) -> bool:
    """Tell whether a file is a report or a summary; raises OSError when it cannot be read."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MARK in file.read(4096)


def write_report(result: DrillResult, path: Path) -> None:
    """Write the report of one drill; folders are made. Raises OSError when it cannot be written."""
    write_out(path, _page().drill_page(result))


def write_summary(results: Sequence[DrillResult], path: Path) -> None:
    """Write one report of many drills, with all details of each, in the order given.

    Folders are made. Raises OSError when it cannot be written.
    """
    write_out(path, _page().summary_page(results))


def write_history(found: Sequence[Strand], changed: Sequence[Change], path: Path) -> None:
    """Write how the outages of drills went over time, each with a picture.

    Folders are made. Raises OSError when it cannot be written.
    """
    write_out(path, _page().history_page(found, changed))


def _page() -> ModuleType:
    """Import what draws. It takes a second, which commands without a report shall not pay."""
    # Read when matplotlib is imported: its list of fonts belongs into our cache.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
    from drills.report import page

    return page

"""`halab history`: how the outages of drills went over time, against their budgets."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.choosing import existing_lab
from cli.drill import MARKS
from cli.papers import writing
from cli.tables import plain_table
from core.errors import HalabError
from core.folders import LabFolder
from drills.history import Change, Strand, changes, named_labs, read_results, strands
from drills.journal import Journal, drills_folder
from drills.report import write_history
from drills.result import DrillResult
from labs.loading import is_path

SCHEMA_VERSION = 1

LATEST = 12
"""How many outages of a drill the terminal shows as a row of bars."""

BARS = "▁▂▃▄▅▆▇█"
"""From no outage to the whole budget and beyond."""


def history(
    lab: Annotated[
        str, typer.Argument(help="A lab that `halab list` shows, or a folder of results.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="Write a page with a picture of each drill here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show how the outages of drills went over time, against their budgets.

    A lab keeps the results of its drills until `down`; those of an exam also stay in the folder
    `history` among its --reports.
    """
    folder, unfinished = Path(lab), None
    if not folder.is_dir():
        if is_path(lab):
            raise HalabError(f"no such folder of results: {lab}")
        standing = existing_lab(lab)
        folder, unfinished = drills_folder(standing), _unfinished(standing)
    results, others = read_results(folder)
    if not results:
        raise HalabError(
            f"{folder} holds no result of a drill that can be read",
            hint=unfinished or "`./halab exam LAB` gives a lab its first ones",
        )
    found, changed = strands(results), changes(results)
    if to is not None:
        with writing(to):
            write_history(found, changed, to)
    if as_json:
        print(json.dumps(_describe(found, changed), indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(found))
    named = named_labs(found)
    for change in changed:
        whose = f", {change.lab}" if change.lab in named else ""
        console.print(Text(f"\nfrom {_day(change.at)} on{whose}", style="bold"))
        for line in change.lines:
            console.print(Text(f"  {line}"))
    for strand in found:
        if strand.is_longer:
            console.print(Text(f"\n{name(strand, named)}: the latest outage is longer than usual"))
            console.print(Text(f"  again: {strand.last.replay}", style="dim"))
    for path in others:
        console.print(Text(f"no result of this version of halab: {path}", style="dim"))
    if unfinished is not None:
        console.print(Text(unfinished))


def _unfinished(folder: LabFolder) -> str | None:
    """Say what becomes of a drill without a result; None where no drill has begun and not ended."""
    if not Journal(folder).is_open:
        return None
    return f"a drill is under way, or was broken off: then `./halab heal {folder.name}` ends it"


def name(strand: Strand, named: Collection[str]) -> str:
    """Name a drill, its lab where that has to be named, and whom it hit unless as usual."""
    lab = f"{strand.lab}: " if strand.lab in named else ""
    return f"{lab}{strand.fault}{'' if strand.active else ' (not of the active node)'}"


def _table(found: Sequence[Strand]) -> Table:
    columns = ("", "drill", "passed", "latest", "median", "longest", "budget", "outages")
    table = plain_table(*columns)
    named = named_labs(found)
    for strand in found:
        mark, style = MARKS[strand.last.answer]
        table.add_row(
            Text(mark, style),
            Text(name(strand, named)),
            f"{strand.passed} of {len(strand.results)}",
            Text(_seconds(strand.last.outage_s), "bold red" if strand.is_longer else ""),
            _seconds(strand.middle),
            _seconds(strand.longest),
            _seconds(strand.last.budget_s),
            "".join(_bar(result) for result in strand.results[-LATEST:]),
        )
    return table


def _bar(result: DrillResult) -> str:
    """Show an outage's share of its budget."""
    if result.outage_s is None or not result.budget_s:
        return "?"
    share = min(1.0, result.outage_s / result.budget_s)
    return BARS[round(share * (len(BARS) - 1))]


def _describe(found: Sequence[Strand], changed: Sequence[Change]) -> dict[str, Any]:
    return {
        "version": SCHEMA_VERSION,
        "drills": [
            {
                "lab": strand.lab,
                "fault": strand.fault,
                "active": strand.active,
                "longer_than_usual": strand.is_longer,
                "results": [
                    {
                        "began": result.began,
                        "answer": result.answer.value,
                        "outage_s": result.outage_s,
                        "budget_s": result.budget_s,
                        "targets": result.targets,
                        "seed": result.seed,
                    }
                    for result in strand.results
                ],
            }
            for strand in found
        ],
        "changes": [asdict(change) for change in changed],
    }


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} s"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"

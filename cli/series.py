"""Several drills one after the other, for `soak` and `exam`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cli.choosing import check_running
from cli.drill import MARKS, measured, print_result, show_drill
from cli.papers import HISTORY, SUMMARY, complaining, page_at, writing
from cli.papers import write as write_report
from cli.tables import plain_table
from core.errors import HalabError
from drills.junit import Case
from drills.readiness import check_healed
from drills.report import write_summary
from drills.result import Answer
from drills.schedule import Turn
from drills.site import Site
from status.health import wait_healthy


def run_series(
    site: Site,
    turns: Iterable[Turn],
    console: Console,
    reports: Path | None = None,
    budget_s: float | None = None,
    *,
    reset: bool = False,
) -> Iterator[Case]:
    """Run drills and yield what came of each; one that cannot begin is an error, not the end.

    Nor is a report that cannot be written, which is said. Raises HalabError before the first for a
    lab that is off, or that still has the fault of an earlier drill.

    `reports` is a folder for an HTML report and the result of each drill; `budget_s` the longest
    outage that passes, besides what the drills themselves allow. With `reset` each begins from the
    state right after `up`.
    """
    # Each drill would wait for health in vain, and be called a failure of the lab.
    if not reset:
        check_running(site.folder)
    check_healed(site)
    for turn in turns:
        began = time.monotonic()
        console.print(f"\n[bold]{turn.number}. {turn.drill.name} at {turn.target}[/]")
        try:
            if not reset:
                # What the drill before left may still settle.
                wait_healthy(site.inventory, site.inventory.timing.healthy_wait_s)
            kept = show_drill(
                site,
                turn.drill,
                target=turn.target,
                seed=turn.seed,
                reset=reset,
                event=turn.event,
            )
        except HalabError as error:
            console.print(Text(str(error), style="red"))
            yield Case(turn.drill.name, time.monotonic() - began, None, str(error))
            continue
        print_result(console, kept)
        if reports is not None:
            with complaining(console):
                write_report(kept.result, page_at(reports, turn.number, turn.drill.name))
            # Under its own name: a folder may be given to one exam after the other.
            with complaining(console):
                keep(kept.path, reports / HISTORY)
        yield Case(turn.drill.name, time.monotonic() - began, kept.result, budget_s=budget_s)


def keep(result: Path, folder: Path) -> None:
    """Copy a result to where it outlives the lab; raises HalabError when that is impossible."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
        shutil.copy(result, folder)


def print_summary(console: Console, cases: Sequence[Case], reports: Path | None = None) -> None:
    """Show what came of each drill, in a line; write a page of all into the reports' folder."""
    table = plain_table("", "drill", "measured", "took")
    for case in cases:
        answer = case.result.answer if case.result else Answer.FAIL
        if answer is Answer.PASS and not case.passed:
            answer = Answer.FAIL
        mark, style = MARKS[answer]
        said = measured(case.result)[0] if case.result else case.error.partition("\n")[0]
        table.add_row(Text(mark, style=style), case.name, Text(said), f"{case.seconds:.0f} s")
    console.print()
    console.print(table)
    results = [case.result for case in cases if case.result]
    if reports is not None and results:
        path = reports / SUMMARY
        with complaining(console), writing(path):
            write_summary(results, path)
            console.print(f"report of all drills: {path}", markup=False)

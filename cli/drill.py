"""`halab drill`: break a lab on purpose, watch, judge, heal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli.choosing import check_running, existing_lab
from cli.live import LivePhases
from cli.locking import locked
from cli.papers import Papers, complaining, write
from drills.catalogue import find
from drills.drill import Drill
from drills.result import Answer, DrillResult
from drills.runner import Kept, new_seed, run
from drills.site import Site
from inventory.record import load_inventory
from parts.all import Parts
from status.events import Event
from status.forecast import forecasting

NOT_PASSED = 3
"""Exit status when a drill did not pass; 1 is an error and 2 a wrong command line."""

RESET = "Begin from the state right after `up`; what happened in the lab since is discarded."

MARKS = {
    Answer.PASS: ("✔", "green"),
    Answer.FAIL: ("✘", "bold red"),
    Answer.UNKNOWN: ("?", "yellow"),
}


def drill(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
    fault: Annotated[str, typer.Argument(help="A fault that `halab drills LAB` lists.")],
    target: Annotated[
        str | None,
        typer.Option(help="active, standby, dc, any, all, monitor, or a machine."),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="How often, with the next seed.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Makes chance repeat itself.")] = None,
    anyway: Annotated[bool, typer.Option(help="Begin on a lab that is not healthy.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help=RESET)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a result a line.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report here; numbered with --repeat.")
    ] = None,
) -> None:
    """Break something on purpose, watch, heal and judge; exit status 3 when it did not pass."""
    folder = existing_lab(name)
    entry = find(fault, Parts(load_inventory(folder)))
    first = new_seed() if seed is None else seed
    passed = True
    pages = [_numbered(report, turn, repeat) for turn in range(repeat)] if report else []
    with Papers(name, "drill", tuple(pages)).kept(), locked(name):
        if not reset:
            check_running(folder)
        site = Site.of(folder)
        for turn in range(repeat):
            kept = show_drill(
                site, entry, target=target, seed=first + turn, anyway=anyway, reset=reset
            )
            if as_json:
                print(kept.result.model_dump_json())
            else:
                print_result(Console(highlight=False, soft_wrap=True), kept)
            if pages:
                with complaining(Console(stderr=True, highlight=False, soft_wrap=True)):
                    write(kept.result, pages[turn])
            passed = passed and kept.result.answer is Answer.PASS
    if not passed:
        raise typer.Exit(NOT_PASSED)


def show_drill(
    site: Site,
    entry: Drill,
    *,
    target: str | None = None,
    seed: int,
    anyway: bool = False,
    reset: bool = False,
    event: Event | None = None,
) -> Kept:
    """Run one drill before the eyes of a person.

    With an `event`, the cluster's scheduler is asked before what will come of that.
    """
    live = LivePhases(f"Drill {entry.name} in lab {site.inventory.lab}")
    with live.shown():
        if reset:
            live.phase("Returning to the state right after up")
            site.reset(live.say)
        forecast = None
        if event is not None:
            live.say("asking the cluster's scheduler where everything will go")
            with forecasting(site.inventory) as forecaster:
                forecast = forecaster.imagine([event])
        return run(site, entry, live, target=target, seed=seed, anyway=anyway, forecast=forecast)


def print_result(console: Console, kept: Kept) -> None:
    """Show a verdict: every check with its evidence, and how to see and to repeat it."""
    result = kept.result
    mark, style = MARKS[result.answer]
    hit = ", ".join(result.targets)
    console.print(
        Text.assemble(
            "\n",
            (f"{mark} {result.answer.value.upper()}  ", style),
            (result.title, "bold"),
            f": {hit}",
        )
    )
    console.print(Text(f"  {result.teaches}", style="italic"))
    for line in measured(result):
        console.print(f"  {line}", markup=False)
    for check in result.checks:
        mark, style = MARKS[check.answer]
        console.print(
            Text.assemble((f"  {mark} ", style), check.question, (f"  {check.evidence}", "dim"))
        )
        if check.answer is not Answer.PASS and check.command:
            console.print(Text(f"      see: {check.command}", style="dim"))
    console.print(Text(f"  result: {kept.path}", style="dim"))
    if kept.evidence is not None:
        console.print(Text(f"  kept:   {kept.evidence}", style="dim"))
    console.print(Text(f"  again:  {result.replay}", style="dim"))


def measured(result: DrillResult) -> Sequence[str]:
    """Say the outage and its phases in lines."""
    if result.outage is None:
        return (result.measured,)
    parts = [
        f"{phase.name} {phase.ended - phase.began:.1f}"
        for phase in result.phases
        if phase.began is not None and phase.ended is not None
    ]
    lines = [f"{result.measured}: {', '.join(parts)}" if parts else result.measured]
    if result.healed is not None and result.recovered is not None:
        lines.append(f"healthy again {result.recovered - result.healed:.0f} s after the healing")
    return lines


def _numbered(path: Path, turn: int, repeat: int) -> Path:
    return path if repeat == 1 else path.with_stem(f"{path.stem}-{turn + 1}")

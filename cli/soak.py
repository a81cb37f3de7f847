"""`halab soak`: drills at random for as long as you like, replayable."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import existing_lab
from cli.drill import NOT_PASSED, RESET
from cli.locking import locked
from cli.options import positive
from cli.papers import Papers
from cli.series import print_summary, run_series
from drills.runner import new_seed
from drills.schedule import Turn
from drills.schedule import soak as draw
from drills.site import Site


def soak(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
    minutes: Annotated[
        float,
        typer.Option(parser=positive, metavar="MINUTES", help="No drill begins after this time."),
    ] = 30.0,
    seed: Annotated[int | None, typer.Option(help="Draws the same drills again.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help=f"Each drill: {RESET}")] = False,
    reports: Annotated[
        Path | None, typer.Option(help="A folder for an HTML report of each drill.")
    ] = None,
) -> None:
    """Put a lab through drills drawn at random; exit status 3 when one did not pass."""
    folder, chosen = existing_lab(name), new_seed() if seed is None else seed
    console = Console(highlight=False, soft_wrap=True)
    again = f"./halab soak {name} --minutes {minutes:g} --seed {chosen}"
    console.print(f"again: {again}{' --reset' if reset else ''}")
    cases = []
    with Papers(name, "soak", reports=reports).kept(), locked(name):
        site = Site.of(folder)
        try:
            turns = _until(draw(site.parts, chosen), minutes)
            for case in run_series(site, turns, console, reports, reset=reset):
                cases.append(case)
                if case.result is None:
                    console.print("the soak ends here: the lab needs a person")
                    break
        finally:
            print_summary(console, cases, reports)
    if not cases or not all(case.passed for case in cases):
        raise typer.Exit(NOT_PASSED)


def _until(turns: Iterator[Turn], minutes: float) -> Iterator[Turn]:
    end = time.monotonic() + 60 * minutes
    for turn in turns:
        if time.monotonic() >= end:
            return
        yield turn

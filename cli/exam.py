"""`halab exam`: the acceptance set, for CI: builds what is not there, judges, takes it away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import wanted
from cli.claims import claim_on, claimed, put_away, release
from cli.down import down
from cli.drill import NOT_PASSED, RESET
from cli.locking import locked
from cli.options import names, positive
from cli.papers import Papers, complaining
from cli.series import print_summary, run_series
from cli.up import up
from core.folders import LabFolder
from drills.junit import Case
from drills.runner import new_seed
from drills.schedule import exam as turns_of
from drills.site import Site
from hypervisor.reset import can_reset
from infra.planning import sketch
from parts.all import Parts


def exam(
    lab: Annotated[
        str, typer.Argument(help="A lab that runs, a name in labs/, or a TOML file.")
    ] = "active-passive",
    faults: Annotated[
        str | None, typer.Option(help="Other drills than the usual ones: names with commas.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            parser=positive, metavar="SECONDS", help="A longer outage of any drill fails the exam."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes chance repeat itself.")] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Write JUnit XML here.")
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(help="A folder for an HTML report and the result of each drill.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help=f"In a lab that was there too, each drill: {RESET}")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave a lab up that was built.")] = False,
) -> None:
    """Examine a lab with the acceptance set; exit status 3 unless all of it passed.

    A lab that is not there is built and taken away afterwards, whatever happened; one that was
    there stays. In a lab that was built for it each drill begins from the state right after `up`.
    """
    asked = names("--faults", faults)
    definition, _ = wanted(lab)
    name = definition.name
    console = Console(highlight=False, soft_wrap=True)
    chosen = new_seed() if seed is None else seed
    # Before anything is built: a name that is no drill of this lab.
    drills = [turn.drill.name for turn in turns_of(Parts(sketch(definition)), chosen, asked)]
    cases: list[Case] = []
    papers = Papers(name, "exam", xml=junit_file, reports=reports)
    with papers.kept(), _standing(lab, name, keep, console) as built, locked(name):
        site = Site.of(LabFolder.of(name))
        turns = turns_of(site.parts, chosen, drills)
        afresh = reset or (built and can_reset(site.folder))
        try:
            cases.extend(run_series(site, turns, console, reports, budget, reset=afresh))
        finally:
            # A run that was cancelled tells what it did not come to.
            missing = drills[len(cases) :]
            cases += [Case(late, 0.0, None, "the exam ended before") for late in missing]
            try:
                # What ended the exam early is worth more to know.
                with complaining(console) if missing else nullcontext():
                    papers.tell(cases)
            finally:
                print_summary(console, cases, reports)
    if not all(case.passed for case in cases):
        raise typer.Exit(NOT_PASSED)


COMMAND = "halab exam"
"""What a lab's claim says that an exam has built."""


@contextmanager
def _standing(lab: str, name: str, keep: bool, console: Console) -> Iterator[bool]:
    """Have the lab up until the block ends; take away only what was built for it.

    What an exam that was killed has built is no lab to examine, and goes first. Yields whether it
    was built.
    """
    left = claim_on(name)
    if left is not None and left.command == COMMAND and not left.is_at_work:
        console.print(f"removing the lab {name} of an exam that did not come to its end")
        put_away(name, lambda: down(name))
    with claimed(name, COMMAND, lambda: down(name), keep) as built:
        if built:
            up(lab)
            if keep:
                release(name)
        yield built

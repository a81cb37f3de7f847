"""`halab doctor`: what this machine can do."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli.needs import needs_of
from hypervisor.doctor import Verdict, examine
from labs.loading import load

MARKS = {Verdict.OK: ("✔", "green"), Verdict.WARNING: ("!", "yellow"), Verdict.ERROR: ("✘", "red")}


def doctor(
    lab: Annotated[
        str, typer.Argument(help="The definition whose needs are compared with this machine.")
    ] = "active-passive",
) -> None:
    """Look at what this machine can do, and say what to do about what it cannot."""
    console = Console(highlight=False, soft_wrap=True)
    definition = load(lab)
    costs = definition.platform.costs(definition)
    if costs is not None:
        # All that it has of this machine are halab's own tools.
        console.print(f"- machines: AWS has them; {costs}", markup=False)
        console.print("  `./halab up` asks AWS first whether it knows you, and rents such types")
    findings = examine(needs_of(definition))
    for finding in findings:
        mark, style = MARKS[finding.verdict]
        console.print(Text.assemble((f"{mark} ", style), f"{finding.name}: {finding.fact}"))
        if finding.remedy:
            console.print(Text(f"    {finding.remedy}", style="dim"))
    if any(finding.verdict is Verdict.ERROR for finding in findings):
        raise typer.Exit(1)

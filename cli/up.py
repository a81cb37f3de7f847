"""`halab up`: build a lab and prove it healthy."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from cli.building import build, prepare
from cli.choosing import wanted
from cli.locking import locked
from cli.progress import Progress
from cli.status import print_status
from inventory.record import load_inventory
from status.health import wait_healthy


def up(
    lab: Annotated[
        str, typer.Argument(help="A name in labs/, or a TOML file of your own.")
    ] = "active-passive",
) -> None:
    """Build a lab and prove it healthy; on a lab that runs, bring it to its definition."""
    began = time.monotonic()
    definition, source = wanted(lab)
    progress = Progress()
    with locked(definition.name):
        prepared = prepare(definition, source, progress)
        usually = "1 min" if prepared.record.accelerated else "2 to 3 min"
        with progress.step(f"Lab {definition.name}", usually=usually) as step:
            build(prepared, step)
            step("checking its health")
            inventory = load_inventory(prepared.folder)
            found = wait_healthy(
                inventory, inventory.timing.healthy_wait_s, step, record=prepared.record
            )
    console = Console(highlight=False, soft_wrap=True)
    print_status(console, found)
    console.print(f"\nReady after {time.monotonic() - began:.0f} s. How to go on:")
    for command, what in (
        (f"./halab status {found.lab}", "how it is"),
        (f"./halab ssh {found.lab} {found.active}", "a shell on the active node"),
        ("./halab test", "break it and prove that it fails over"),
        (f"./halab down {found.lab}", "take it away without a trace"),
    ):
        console.print(f"  {command:<34} {what}")

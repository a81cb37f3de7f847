"""`halab up`: build a lab and prove it healthy."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from cli.building import Prepared, build, prepare, review
from cli.choosing import wanted
from cli.claims import take_over
from cli.events import PulumiEvents
from cli.locking import locked
from cli.measuring import measuring
from cli.progress import Progress, Step
from cli.restoring import bring_back
from cli.status import print_status
from core.errors import HalabError
from core.files import write_file
from core.sizes import MIB
from hypervisor.reset import can_reset, take
from hypervisor.snapshots import UP
from infra.impact import Impact
from inventory.record import load_inventory, load_record
from status.health import wait_healthy
from status.model import LabStatus


def up(
    lab: Annotated[
        str, typer.Argument(help="A name in labs/, or a TOML file of your own.")
    ] = "active-passive",
    snapshot: Annotated[
        bool, typer.Option(help="Keep the state of a new or changed lab for `halab reset`.")
    ] = True,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to what costs a lab that exists its data.")
    ] = False,
) -> None:
    """Build a lab and prove it healthy; on a lab that exists, bring it to its definition.

    What that means for a lab that exists is said before it happens.
    """
    began = time.monotonic()
    progress = Progress()
    bring_back(lab, progress)
    definition, source = wanted(lab)
    if (costs := definition.platform.costs(definition)) is not None:
        progress.note(f"while its machines exist, lab {definition.name} costs {costs}")
    with locked(definition.name):
        take_over(definition.name)
        prepared = prepare(definition, source, progress)
        impact = review(prepared, progress, yes=yes)
        if impact.lost:
            with progress.step(f"Removing what lab {definition.name} was made of") as step:
                prepared.engine.destroy(PulumiEvents(step))
            prepared, impact = prepare(definition, source, progress), Impact()
        for doubt in definition.timing(prepared.record.accelerated).doubts:
            progress.note(doubt)
        usually = "1 min" if prepared.record.accelerated else "2 to 3 min"
        with (
            measuring(prepared, impact, progress) as notice,
            progress.step(f"Lab {definition.name}", usually=usually) as step,
        ):
            found = bring_up(prepared, impact, step)
        for line in notice.lines:
            progress.note(line)
        if not notice.kept:
            progress.note("clients waited longer, or lost more, than the change may cost them")
        resettable = snapshot and keep_for_reset(prepared, progress)
    console = Console(highlight=False, soft_wrap=True)
    print_status(console, found)
    console.print(f"\nReady after {time.monotonic() - began:.0f} s. How to go on:")
    back = ((f"./halab reset {found.lab}", "back to this state"),) if resettable else ()
    for command, what in (
        (f"./halab status {found.lab}", "how it is"),
        (f"./halab ssh {found.lab} {_somebody(found)}", "a shell on a node that serves"),
        *back,
        ("./halab test", "break it and prove that it fails over"),
        (f"./halab down {found.lab}", "take it away without a trace"),
    ):
        console.print(f"  {command:<34} {what}")


def bring_up(prepared: Prepared, impact: Impact, step: Step) -> LabStatus:
    """Build or change a lab, and return how it is once it is healthy."""
    build(prepared, impact, step)
    step("checking its health")
    inventory = load_inventory(prepared.folder)
    record = load_record(prepared.folder)
    found = wait_healthy(inventory, inventory.timing.healthy_wait_s, step, record=record)
    write_file(prepared.folder.applied, prepared.folder.definition.read_bytes())
    return found


def _somebody(found: LabStatus) -> str:
    """Return a node at which clients find a service."""
    return next((node for service in found.services for node in service.nodes), "NODE")


def keep_for_reset(prepared: Prepared, progress: Progress) -> bool:
    """Take the snapshot that `halab reset` returns to, unless there is one of this making.

    Returns whether there is one. A lab without it is complete: what went wrong is only said.
    """
    folder = prepared.folder
    record, inventory = load_record(folder), load_inventory(folder)
    if can_reset(folder):
        return True
    if not record.private:
        return False
    try:
        with progress.step("Snapshot for `halab reset`", usually="5 s") as step:
            kept = take(folder, record, inventory, UP, step, healthy=True, replace=True)
    except HalabError as error:
        progress.note(f"{error.message} ({error.detail})")
        return False
    progress.note(f"the snapshot takes {kept.size // MIB} MiB; `up --no-snapshot` leaves it out")
    return True

"""`halab up`: build a lab and prove it healthy."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.building import Prepared
from cli.choosing import wanted
from cli.claims import take_over
from cli.events import PulumiEvents
from cli.hours import FEWEST, MOST, check_end, end_after, keep_end, price
from cli.locking import locked
from cli.measuring import TOO_LONG, measuring
from cli.phases import told
from cli.platforms import build, prepare, review
from cli.progress import Progress, Step
from cli.restoring import bring_back
from cli.status import print_status
from cli.warming import begin_again, find_kept, keep, start_warm
from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from core.sizes import MIB
from hypervisor.kept_labs import KeptLab, KeptLabs
from hypervisor.reset import can_reset, take
from hypervisor.snapshots import UP
from infra.impact import Impact
from inventory.record import LabRecord, Record, load_any, load_inventory, load_record
from labs.model import Lab
from machines.clock import set_clocks
from status.collect import Observer
from status.health import Healthy, wait_healthy
from status.model import LabStatus


def up(
    lab: Annotated[
        str, typer.Argument(help="A lab that was built, a name in labs/, or a TOML file.")
    ] = "active-passive",
    snapshot: Annotated[
        bool, typer.Option(help="Keep the state of a new or changed lab for `halab reset`.")
    ] = True,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to what costs a lab that exists its data.")
    ] = False,
    cold: Annotated[
        bool,
        typer.Option("--cold", help="Build anew: neither start from a kept lab nor keep this one."),
    ] = False,
    hours: Annotated[
        float | None,
        typer.Option(
            min=FEWEST, max=MOST, help="On AWS: have the lab switch itself off after so long."
        ),
    ] = None,
) -> None:
    """Build a lab and prove it healthy; on a lab that exists, bring it to its definition.

    What that means for a lab that exists is said before it happens. A lab that was built before
    comes back as it was then, with new keys, where nothing that it follows from has changed.
    """
    began = time.monotonic()
    progress = Progress()
    bring_back(lab, progress)
    definition, source = wanted(lab)
    until = end_after(hours, definition)
    if (costs := definition.platform.costs(definition)) is not None:
        progress.note(f"while its machines run, lab {definition.name} costs {costs}")
        if until is not None:
            progress.note(price(costs, until))
    with locked(definition.name):
        take_over(definition.name)
        end_unfinished(definition.name, progress)
        if (still := check_end(LabFolder.of(definition.name), until)) is not None:
            progress.note(still)
        prepared, impact = ready(definition, source, progress, yes=yes)
        prepared = keep_end(prepared, until)
        for doubt in definition.timing(prepared.record.accelerated).doubts:
            progress.note(doubt)
        kept = None if cold else find_kept(prepared, progress)
        warm = bring_back_kept(prepared, kept, progress) if kept else None
        if kept and warm is None:
            prepared, impact = ready(definition, source, progress, yes=yes)
        found, observer = warm or build_measured(prepared, impact, progress)
        with observer:
            resettable = snapshot and keep_for_reset(prepared, observer, progress)
            if warm and not resettable:
                with progress.step("Clocks") as step:
                    set_clocks(observer.remotes, step)
        if resettable and not (cold or warm or prepared.exists):
            keep(prepared, progress)
    say_how_to_go_on(found, time.monotonic() - began, resettable=resettable)


def say_how_to_go_on(found: LabStatus, took_s: float, *, resettable: bool) -> None:
    """Show a lab that is healthy, and the commands that a person may want next."""
    console = Console(highlight=False, soft_wrap=True)
    print_status(console, found)
    console.print(f"\nReady after {took_s:.0f} s. How to go on:")
    back = ((f"./halab reset {found.lab}", "back to this state"),) if resettable else ()
    ways = (
        (f"./halab status {found.lab}", "how it is"),
        (f"./halab ssh {found.lab} {_somebody(found)}", "a shell on a node that serves"),
        *back,
        (f"./halab drill {found.lab} power-off", "break it and prove that it fails over"),
        (f"./halab down {found.lab}", "take it away without a trace"),
    )
    width = max(len(command) for command, _ in ways)
    for command, what in ways:
        console.print(f"  {command:<{width}}  {what}")


def end_unfinished(name: str, progress: Progress) -> None:
    """Remove what a warm start that was killed has left: its lab is begun again."""
    folder = LabFolder.of(name)
    if folder.warming.exists():
        with progress.step("Removing what a warm start that was killed has left") as step:
            begin_again(folder, step)


def ready(
    definition: Lab, source: str, progress: Progress, *, yes: bool
) -> tuple[Prepared[Any], Impact]:
    """Prepare a lab, and remove what it consists of where somebody agreed to that."""
    prepared = prepare(definition, source, progress)
    impact = review(prepared, progress, yes=yes)
    if not impact.lost:
        return prepared, impact
    with progress.step(f"Removing what lab {definition.name} was made of") as step:
        prepared.engine.destroy(PulumiEvents(step))
    return prepare(definition, source, progress), Impact()


def bring_back_kept(
    prepared: Prepared[LabRecord], kept: KeptLab, progress: Progress
) -> Healthy | None:
    """Start a new lab from a kept one; None when that failed, and both are removed then."""
    name = prepared.lab.name
    try:
        with progress.step(f"Lab {name}, warm", usually="8 to 15 s") as step:
            return start_warm(prepared, kept, step)
    except (HalabError, OSError) as error:
        progress.note(f"the warm start failed, and the lab is built anew: {error}")
    with suppress(HalabError):
        # Somebody else may have been quicker.
        KeptLabs().remove(kept.name)
    with progress.step("Making way for a new lab") as step:
        begin_again(prepared.folder, step)
    return None


def build_measured(prepared: Prepared[Record], impact: Impact, progress: Progress) -> Healthy:
    """Build or change a lab while clients use what there is of it; say what they noticed."""
    usually = "1 min" if prepared.record.accelerated else "2 to 3 min"
    with (
        measuring(prepared, impact, progress) as notice,
        progress.step(f"Lab {prepared.lab.name}", usually=usually) as step,
    ):
        found = bring_up(prepared, impact, step)
        spent = step.phases
    if spent:
        progress.note(f"of that: {told(spent)}")
    for line in notice.lines:
        progress.note(line)
    if not notice.kept:
        progress.note(TOO_LONG)
    return found


def bring_up(prepared: Prepared[Record], impact: Impact, step: Step) -> Healthy:
    """Build or change a lab, and return how it is once it is healthy."""
    build(prepared, impact, step)
    step("checking its health")
    inventory = load_inventory(prepared.folder)
    with ExitStack() as stack:
        observer = stack.enter_context(Observer(inventory, load_any(prepared.folder)))
        wait_s = inventory.timing.healthy_wait_s
        found = wait_healthy(inventory, wait_s, step, observer=observer)
        stack.pop_all()
    write_file(prepared.folder.applied, prepared.folder.definition.read_bytes())
    return Healthy(found, observer)


def _somebody(found: LabStatus) -> str:
    """Return a node at which clients find a service."""
    return next((node for service in found.services for node in service.nodes), "NODE")


def keep_for_reset(prepared: Prepared[Record], observer: Observer, progress: Progress) -> bool:
    """Take the snapshot that `halab reset` returns to, unless there is one of this making.

    Returns whether there is one. A lab without it is complete: what went wrong is only said.
    """
    folder = prepared.folder
    if not prepared.record.private:
        return False
    if can_reset(folder):
        return True
    record = load_record(folder)
    try:
        with progress.step("Snapshot for `halab reset`", usually="5 s") as step:
            kept = take(folder, record, observer, UP, step, healthy=True, replace=True)
    except HalabError as error:
        progress.note(f"{error.message} ({error.detail})")
        return False
    progress.note(f"the snapshot takes {kept.size // MIB} MiB; `up --no-snapshot` leaves it out")
    return True

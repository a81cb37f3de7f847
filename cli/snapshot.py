"""`halab snapshot`, `restore`, `reset`, `snapshots`: a whole lab at one instant, and back to it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.choosing import existing_lab
from cli.locking import locked
from cli.options import exclusive
from cli.progress import Progress
from cli.status import UNHEALTHY, print_status
from cli.tables import plain_table
from core.folders import LabFolder
from core.sizes import MIB
from drills.journal import Journal
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import fits, take
from hypervisor.reset import reset as bring_back
from hypervisor.snapshots import UP, Shelf, Snapshot, check_label
from inventory.record import load_inventory, load_record
from status.collect import Observer

SCHEMA_VERSION = 1


USUALLY = "5 to 15 s"

Name = Annotated[str, typer.Argument(help="A lab that `halab list` shows.")]


def snapshot(
    name: Name,
    label: Annotated[str, typer.Argument(help="What to call it.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of an older one with this label.")
    ] = False,
) -> None:
    """Keep all machines, memory and disks, as they are at this instant; the lab runs on."""
    folder = existing_lab(name)
    check_label(label)
    record, inventory = load_record(folder), load_inventory(folder)
    with locked(name), Progress().step(f"Snapshot {label}", usually=USUALLY) as step:
        step("looking at the lab")
        with Observer(inventory, record) as observer:
            healthy = PrivateHypervisor(folder).is_running() and observer.read().healthy
            taken = take(folder, record, observer, label, step, healthy=healthy, replace=replace)
    note = "" if healthy else "; the lab was not healthy, and will not be when it comes back"
    print(f"snapshot {label}: {taken.size // MIB} MiB{note}")
    print(f"back to it: ./halab restore {name} {label}")


def restore(
    name: Name,
    label: Annotated[str, typer.Argument(help="A snapshot that `halab snapshots` shows.")],
) -> None:
    """Return to a snapshot; what happened in the lab since then is discarded."""
    _return_to(existing_lab(name), label)


def reset(name: Name = "active-passive") -> None:
    """Return to the state right after `up`; what happened in the lab since then is discarded."""
    _return_to(existing_lab(name), UP)


def snapshots(
    name: Name = "active-passive",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    remove: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Remove this one instead.")
    ] = None,
) -> None:
    """Show a lab's snapshots."""
    exclusive({"--json": as_json, "--remove": remove is not None})
    folder = existing_lab(name)
    if remove is not None:
        with locked(name):
            Shelf(folder).remove(remove)
        print(f"snapshot {remove} is removed")
        return
    found = Shelf(folder).all()
    if as_json:
        listed = [describe(one, folder) for one in found]
        print(json.dumps({"version": SCHEMA_VERSION, "lab": name, "snapshots": listed}, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    if not found:
        console.print(f"Lab {name} has no snapshots. `./halab snapshot {name} LABEL` takes one.")
        return
    table = plain_table("snapshot", "taken", "size", "lab was", "")
    for one in found:
        table.add_row(
            one.label,
            f"{one.taken.astimezone():%Y-%m-%d %H:%M:%S}",
            f"{one.size // MIB} MiB",
            "healthy" if one.healthy else "not healthy",
            "" if fits(one, folder) else "of no use: `up` has changed the lab since",
        )
    console.print(table)


def describe(one: Snapshot, folder: LabFolder) -> dict[str, Any]:
    """Word a snapshot as `--json` shows it (docs/json-schemas.md)."""
    return {
        "label": one.label,
        "taken": one.taken.isoformat(),
        "machines": list(one.machines),
        "size": one.size,
        "healthy": one.healthy,
        "usable": fits(one, folder),
    }


def _return_to(folder: LabFolder, label: str) -> None:
    began = time.monotonic()
    record, inventory = load_record(folder), load_inventory(folder)
    with locked(folder.name):
        taken = Shelf(folder).find(label).taken
        age = datetime.now(UTC) - taken
        progress = Progress()
        progress.note(
            f"lab {folder.name} returns to snapshot {label}, taken {spell(age.total_seconds())} "
            "ago; its present state is discarded"
        )
        with progress.step(f"Restoring {label}", usually=USUALLY) as step:
            found = bring_back(folder, record, inventory, label, step)
        Journal(folder).go_back(taken)
    console = Console(highlight=False, soft_wrap=True)
    print_status(console, found)
    console.print(f"\nBack at {label} after {time.monotonic() - began:.1f} s.")
    if not found.healthy:
        raise typer.Exit(UNHEALTHY)


def spell(seconds: float) -> str:
    """Word a duration for people: 40 s, 12 min, 3 h, 2 days."""
    for limit, unit, word in ((100, 1, "s"), (6000, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {word}"
    return f"{seconds / 86400:.0f} days"

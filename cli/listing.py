"""`halab list`: which labs were built."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.choosing import existing, is_missing, standing
from cli.hours import when
from cli.tables import plain_table
from core.errors import HalabError
from core.folders import LabFolder
from drills.hands import machines_on_aws
from hypervisor.machines import running_machines
from hypervisor.private import PrivateHypervisor
from inventory.record import CloudRecord, LabRecord, Record, load_any
from labs.instances import rate
from labs.loading import load

SCHEMA_VERSION = 2


def list_labs(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the labs that were built, and whether they run."""
    labs = [describe(folder) for folder in existing()]
    if as_json:
        print(json.dumps({"version": SCHEMA_VERSION, "labs": labs}, indent=2))
    elif labs:
        Console(highlight=False).print(_labs(labs))
        for lab in labs:
            if lab["usd_per_hour"] is not None:
                print(f"{lab['name']} costs {rate(lab['usd_per_hour'])} as it is{_ends(lab)}")
    else:
        print("no lab was built here: `./halab labs` shows which can be, `./halab up LAB` builds")


def _ends(lab: dict[str, Any]) -> str:
    until = lab["until"]
    return "" if until is None else f"; it goes off at {when(datetime.fromisoformat(until))}"


def _labs(labs: Iterable[dict[str, Any]]) -> Table:
    table = plain_table("lab", "state", "machines", "platform", "acceleration")
    for lab in labs:
        running, machines = len(lab["running"]), len(lab["machines"])
        run = f"{running} of {machines} run"
        if not machines:
            run = "1 machine runs" if running == 1 else f"{running} machines run"
        speed = {True: "KVM", False: "emulation", None: "?"}[lab["accelerated"]]
        table.add_row(lab["name"], lab["state"], run, lab["platform"], speed)
    return table


def describe(folder: LabFolder) -> dict[str, Any]:
    """Return what is known of a lab without asking its machines.

    A lab whose files cannot be read hides no other: its state says so.
    """
    record, machines, running, usd_per_hour, until = None, [], [], None, None
    try:
        record = _record(folder)
        machines = list(record.machines) if record else []
        running = _running(folder, record)
        state = _state(folder, machines, running)
        if isinstance(record, CloudRecord):
            usd_per_hour = _usd_per_hour(folder, running)
            until = machines_on_aws(record, folder.name).end() if running else None
    except HalabError:
        state = "unreachable"
    except OSError as error:
        state = f"unreadable ({error.strerror})"
    return {
        "name": folder.name,
        "state": state,
        "platform": record.platform if record else "unknown",
        "accelerated": record.accelerated if record else None,
        "source": record.source if record else None,
        "machines": machines,
        "running": running,
        "usd_per_hour": usd_per_hour,
        "until": None if until is None else until.isoformat(),
    }


def _record(folder: LabFolder) -> Record | None:
    try:
        return load_any(folder)
    except HalabError:
        return None


def _running(folder: LabFolder, record: Record | None) -> list[str]:
    """Return the machines that have power; raises HalabError when nobody tells."""
    if record is None or is_missing(folder):
        return PrivateHypervisor(folder).guests()
    if isinstance(record, LabRecord):
        return running_machines(folder, record)
    if record.rehearsed and not PrivateHypervisor(folder).is_running():
        return []
    found = machines_on_aws(record, folder.name).running()
    return [machine for machine in record.machines if machine in found]


def _usd_per_hour(folder: LabFolder, running: Collection[str]) -> float | None:
    """Return what a lab costs as it is, by its estimate; None where nobody is paid or can tell."""
    try:
        lab = load(str(standing(folder)))
    except HalabError:
        return None
    costs = lab.platform.costs(lab)
    if costs is None:
        return None
    # A machine that left the definition may not have left AWS yet.
    known = [name for name in running if name in costs.machines]
    return round(costs.while_running(known), 4)


def _state(folder: LabFolder, machines: list[str], running: list[str]) -> str:
    if is_missing(folder):
        return "folder missing"
    if not machines or not folder.inventory.exists():
        return "half built"
    if not running:
        return "stopped"
    return "running" if len(running) == len(machines) else "partly running"

"""`halab drills`: every fault, and what it teaches."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from drills.catalogue import CATALOGUE, Drill

SCHEMA_VERSION = 1


def drills(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the faults that a lab can be put through, and what each teaches."""
    if as_json:
        listed = [describe(entry) for entry in CATALOGUE.values()]
        print(json.dumps({"version": SCHEMA_VERSION, "drills": listed}, indent=2))
        return
    table = Table("fault", "hits", "what happens", "what it teaches", box=None, padding=(0, 1))
    for entry in CATALOGUE.values():
        table.add_row(entry.name, entry.target, entry.title, entry.teaches)
    Console(highlight=False).print(table)


def describe(entry: Drill) -> dict[str, Any]:
    """Word a drill for programs."""
    return {
        "name": entry.name,
        "title": entry.title,
        "teaches": entry.teaches,
        "watch": entry.watch,
        "by_hand": entry.by_hand,
        "target": entry.target,
    }

"""`halab drills`: every fault, and what it teaches."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from cli.choosing import wanted
from cli.tables import plain_table
from drills.catalogue import catalogue
from drills.drill import Drill
from infra.planning import sketch
from parts.all import Parts

SCHEMA_VERSION = 1


def drills(
    lab: Annotated[
        str, typer.Argument(help="A lab that runs, a name in labs/, or a TOML file.")
    ] = "active-passive",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the faults that a lab can be put through, and what each teaches."""
    definition, _ = wanted(lab)
    known = catalogue(Parts(sketch(definition))).values()
    if as_json:
        listed = [describe(entry) for entry in known]
        print(json.dumps({"version": SCHEMA_VERSION, "drills": listed}, indent=2))
        return
    # Sentences are too long for columns of their own on a terminal of 80.
    table = plain_table("fault", "hits", "what happens, and what it teaches")
    for entry in known:
        said = Text.assemble(entry.title, "\n", (entry.teaches, "dim"))
        table.add_row(Text(entry.name, style="bold"), entry.target, said)
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

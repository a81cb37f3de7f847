"""`halab labs`: the definitions that come with halab."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from cli.needs import guests_of
from cli.tables import plain_table
from core.sizes import size
from infra.planning import sketch
from labs.loading import Offer, available
from labs.model import Lab

SCHEMA_VERSION = 1

DECIDES = {
    "device": "a device on the monitor",
    "majority": "their own majority",
    "two-node": "either of two; fencing decides",
}
"""Who decides which part of a divided cluster goes on, by the kind of quorum."""

WIDEST_VALUE = len("haproxy everywhere")

LEAST_WIDTH = 78
"""Columns of a terminal that has room for two facts beside each other."""


def labs(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the definitions that come with halab: what `up` can build without a file of yours."""
    offers = available()
    if as_json:
        listed = [describe(offer) for offer in offers]
        print(json.dumps({"version": SCHEMA_VERSION, "labs": listed}, indent=2))
        return
    # A sentence and seven facts of each: too much for columns on a terminal of 80.
    console = Console(highlight=False)
    narrow = console.width < LEAST_WIDTH
    table = plain_table("lab", "what it is, and of what")
    for offer in offers:
        table.add_row(Text(offer.name, style="bold"), _said(offer, narrow=narrow))
    console.print(table)
    print("`./halab up LAB` builds one, `./halab show LAB` draws it;")
    print("`./halab new NAME --from LAB` writes a definition of your own that is like it")


def describe(offer: Offer) -> dict[str, Any]:
    """Word a definition for programs; one that cannot be used has nothing but its problem."""
    if offer.lab is None:
        return {"name": offer.name, "problem": offer.problem}
    lab, planned = offer.lab, sketch(offer.lab)
    return {
        "name": offer.name,
        "description": lab.description,
        "nodes": [node.name for node in planned.nodes],
        "monitor": planned.monitor.name,
        "memory_mib": _memory_mib(lab),
        "services": [
            {
                "name": service.name,
                "kind": service.settings.kind,
                "runs": "everywhere" if service.everywhere else "one-node",
                "to": service.settings.passes_to,
            }
            for service in planned.services
        ],
        "storage": [
            {"name": each.name, "kind": each.settings.kind, "size_mib": each.size_mib}
            for each in lab.storage
        ],
        "fencing": planned.fencing.kind,
        "quorum": planned.quorum,
    }


def _said(offer: Offer, *, narrow: bool) -> RenderableType:
    if offer.lab is None:
        return Text(f"(cannot be used: {offer.problem})", style="red")
    lab, planned = offer.lab, sketch(offer.lab)
    services = (
        f"{each.settings.kind} everywhere" if each.everywhere else each.settings.kind
        for each in planned.services
    )
    storage = (f"{each.settings.kind}, {size(each.size_mib)}" for each in lab.storage)
    memory = f"{size(_memory_mib(lab))} in {len(planned.machines)} machines"
    facts = (
        ("nodes", str(len(planned.nodes)), "memory", memory),
        ("service", "\n".join(services), "storage", "\n".join(storage) or "none"),
        ("fencing", planned.fencing.kind, "quorum", DECIDES[planned.quorum]),
    )
    if narrow:
        table = Table.grid("", Column(overflow="fold"), padding=(0, 2, 0, 0))
        for name, value in (pair for row in facts for pair in (row[:2], row[2:])):
            table.add_row(Text(name, "dim"), value)
        return Group(Text(lab.description), table, "")
    # Of the same widths for all labs, which are compared.
    widths = (Column(), Column(min_width=WIDEST_VALUE), Column(), Column())
    table = Table.grid(*widths, padding=(0, 2, 0, 0))
    for name, value, other_name, other_value in facts:
        table.add_row(Text(name, "dim"), value, Text(other_name, "dim"), other_value)
    return Group(Text(lab.description), table, "")


def _memory_mib(lab: Lab) -> int:
    """Return what its machines take of this one's memory together."""
    return sum(guest.memory_mib for guest in guests_of(lab))

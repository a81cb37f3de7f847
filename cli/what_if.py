"""`halab what-if`: where everything would go, without doing anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from cli.choosing import existing_lab
from inventory.model import Inventory
from inventory.record import load_inventory
from status.events import known_names, parse_events, single_failures, usages
from status.forecast import Forecast, Forecasts, Places, forecasting

NOWHERE = "nowhere"


def what_if(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
    event: Annotated[
        list[str] | None,
        typer.Argument(help="As `power-off node1`; events at once have a comma between them."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every single failure, one after the other.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ask the cluster where everything would go if something happened; nothing is changed."""
    inventory = load_inventory(existing_lab(name))
    events = parse_events(inventory, event or ())
    if everything and events:
        raise typer.BadParameter("--all asks for every single failure: say it, or an event")
    asked = [[each] for each in single_failures(inventory)] if everything else [list(events)]
    if not any(asked):
        print_events(inventory)
        return
    with forecasting(inventory) as forecaster:
        now = forecaster.now
        forecasts = tuple(forecaster.imagine(each) for each in asked)
    if as_json:
        told = Forecasts(lab=inventory.lab, now=now, forecasts=forecasts)
        print(told.model_dump_json(indent=2))
        return
    Console(highlight=False).print(table(now, forecasts))


def print_events(inventory: Inventory) -> None:
    """Show what can be asked of a lab."""
    shown = Table("event", "what happens", box=None, padding=(0, 1))
    for usage, meaning in usages():
        shown.add_row(Text(usage, style="bold", no_wrap=True), meaning)
    Console(highlight=False).print(shown)
    print(known_names(inventory))
    print("a comma stands between events that happen at once;")
    print(f"`./halab what-if {inventory.lab} --all` asks for every single failure")


def table(now: Places, forecasts: Sequence[Forecast]) -> Table:
    """Return a row for what is now and one for each event; what changes has an arrow."""
    # As many columns for a lab of eight nodes as for one of two.
    services, addresses = list(now.services), bool(now.addresses)
    held = [Column("addresses", no_wrap=True)] if addresses else []
    shown = Table("event", *services, *held, "besides", box=None, padding=(0, 1))
    current = [_nodes(now.services[name]) for name in services]
    if addresses:
        holders = (f"{address} {node or NOWHERE}" for address, node in now.addresses.items())
        current.append("\n".join(holders))
    shown.add_row(Text("now", "bold"), *current)
    for forecast in forecasts:
        cells = [_service(now, forecast, name) for name in services]
        if addresses:
            cells.append(_addresses(now, forecast))
        shown.add_row(Text(forecast.event, "bold"), *cells, _besides(forecast))
    return shown


def _service(now: Places, forecast: Forecast, name: str) -> Text:
    was, will_be = now.services[name], forecast.places.services[name]
    if was != will_be:
        return _changed(_nodes(will_be), bool(will_be))
    again = forecast.restarted.get(name)
    if again:
        return Text(f"starts again on {_nodes(again)}", "yellow")
    return Text("stays" if was else NOWHERE, "dim")


def _addresses(now: Places, forecast: Forecast) -> Text:
    moved = [
        _changed(node or NOWHERE, node is not None, str(address))
        for address, node in forecast.places.addresses.items()
        if node != now.addresses[address]
    ]
    if not moved:
        return Text("stay", "dim")
    gone = [node for node in forecast.places.addresses.values() if node is None]
    if len(gone) == len(now.addresses):
        return _changed(NOWHERE, False)
    return Text("\n").join(moved)


def _changed(where: str, somewhere: bool, what: str = "") -> Text:
    return Text(f"{what} → {where}".strip(), "green" if somewhere else "bold red")


def _besides(forecast: Forecast) -> Text:
    said = []
    if forecast.quorate is False:
        said.append("no quorum")
    if forecast.fenced:
        said.append(f"{_nodes(forecast.fenced)} fenced")
    if not forecast.finished:
        said.append("cannot finish")
    return Text("\n".join(said))


def _nodes(names: Sequence[str]) -> str:
    return ", ".join(names) or NOWHERE

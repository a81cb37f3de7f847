"""`halab what-if`: where everything would go, and whether it really goes there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from cli.choosing import check_running, existing_lab
from cli.drill import NOT_PASSED
from cli.locking import locked
from cli.options import exclusive
from cli.series import print_summary, run_series
from cli.show import check_picture
from cli.tables import plain_table
from core.errors import HalabError
from core.folders import LabFolder
from core.places import write_out
from drawing.moves import Moment, draw_moves
from drills.junit import Case
from drills.schedule import Turn, rehearsal
from drills.site import Site
from inventory.model import Inventory
from inventory.record import load_inventory
from status.events import Event, known_names, parse_events, single_failures, usages
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
    check: Annotated[
        bool,
        typer.Option("--check", help="Do it, as a drill does, and compare where everything went."),
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Write a picture here instead: SVG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ask the cluster where everything would go if something happened; nothing is changed.

    With --check it happens: exit status 3 when something went elsewhere, or a drill did not pass.
    """
    exclusive({"--all": everything, "an event": bool(event)})
    exclusive({"--check": check, "--json": as_json, "--to": to is not None})
    folder = existing_lab(name)
    inventory = load_inventory(folder)
    events = parse_events(inventory, event or ())
    if to is not None:
        check_picture(to)
    asked = [[each] for each in single_failures(inventory)] if everything else [list(events)]
    if not any(asked):
        if check or as_json or to is not None:
            raise typer.BadParameter("no event is asked about: say one, or --all for every one")
        print_events(inventory)
        return
    check_running(folder)
    if check:
        _check(folder, asked, everything)
        return
    with forecasting(inventory) as forecaster:
        now = forecaster.now
        forecasts = tuple(forecaster.imagine(each) for each in asked)
    if as_json:
        told = Forecasts(lab=inventory.lab, now=now, forecasts=forecasts)
        print(told.model_dump_json(indent=2))
        return
    if to is not None:
        nodes = [node.name for node in inventory.nodes]
        later = [_moment(forecast) for forecast in forecasts]
        drawn = draw_moves(inventory.lab, nodes, _now(now), later)
        write_out(to, drawn)
        print(f"where everything would go is drawn in {to}")
        return
    Console(highlight=False).print(table(now, forecasts))


def _check(folder: LabFolder, asked: Sequence[Sequence[Event]], everything: bool) -> None:
    """Bring each event about by the drill that is the same, and compare."""
    site, console = Site.of(folder), Console(highlight=False, soft_wrap=True)
    turns: list[Turn] = []
    unchecked: list[str] = []
    for events in asked:
        try:
            turns.append(rehearsal(site.parts, events, len(turns) + 1))
        except HalabError as error:
            if not everything:
                raise
            unchecked.append(error.message)
    cases: list[Case] = []
    with locked(site.inventory.lab):
        try:
            cases.extend(run_series(site, turns, console))
        finally:
            print_summary(console, cases)
            for sentence in unchecked:
                console.print(sentence, markup=False)
    if not all(case.passed for case in cases):
        raise typer.Exit(NOT_PASSED)


def print_events(inventory: Inventory) -> None:
    """Show what can be asked of a lab."""
    shown = plain_table("event", "what happens")
    for usage, meaning in usages():
        shown.add_row(Text(usage, style="bold"), meaning)
    Console(highlight=False).print(shown)
    print(known_names(inventory))
    print("a comma stands between events that happen at once;")
    print(f"`./halab what-if {inventory.lab} --all` asks for every single failure, and --check")
    print("brings an event about, to see whether it is as foretold")


def table(now: Places, forecasts: Sequence[Forecast]) -> Table:
    """Return a row for what is now and one for each event; what changes has an arrow."""
    # As many columns for a lab of eight nodes as for one of two.
    services, addresses = list(now.services), bool(now.addresses)
    held = [Column("addresses", no_wrap=True)] if addresses else []
    shown = plain_table("event", *services, *held, "besides")
    current = [_nodes(now.services[name]) for name in services]
    if addresses:
        holders = (f"{address} {node or NOWHERE}" for address, node in now.holders.items())
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


def _now(now: Places) -> Moment:
    return Moment("now", now.services, now.holders)


def _moment(forecast: Forecast) -> Moment:
    places = forecast.places
    return Moment(
        forecast.event,
        places.services,
        places.holders,
        forecast.restarted,
        frozenset(forecast.fenced),
        ", ".join(_trouble(forecast)),
    )


def _besides(forecast: Forecast) -> Text:
    fenced = [f"{_nodes(forecast.fenced)} fenced"] if forecast.fenced else []
    return Text("\n".join((*fenced, *_trouble(forecast))))


def _trouble(forecast: Forecast) -> Sequence[str]:
    quorum = ["no quorum"] if forecast.quorate is False else []
    return (*quorum, *(() if forecast.finished else ("cannot finish",)))


def _nodes(names: Sequence[str]) -> str:
    return ", ".join(names) or NOWHERE

"""`halab heal`: take back what a drill that crashed, or a person, left in a lab."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli.choosing import running_lab
from cli.live import LivePhases
from cli.locking import locked
from cli.status import UNHEALTHY, print_status
from core.errors import HalabError
from drills.healing import heal as heal_site
from drills.site import Site
from machines.remote import Remote
from parts.reasons import Reason
from status.collect import Observer
from status.health import wait_healthy
from status.rules import judge


def heal(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
    yes: Annotated[
        bool, typer.Option("--yes", help="Clean up what was left behind without asking.")
    ] = False,
) -> None:
    """Heal what a crashed drill left; offer to clean up what people and failures left besides.

    Does nothing where nothing is broken. Exit status 3 when the lab is not healthy in the end.
    """
    folder = running_lab(name)
    console = Console(highlight=False, soft_wrap=True)
    with locked(name):
        site = Site.of(folder)
        live = LivePhases(f"Healing lab {name}")
        with live.shown():
            wound = heal_site(site, live)
        if wound is None:
            console.print(f"no drill has left anything in lab {name}")
        else:
            console.print(f"healed: {wound.fault} at {', '.join(wound.targets)}")
        cleaned = _clean_up(site, console, yes=yes)
        if wound is None and not cleaned:
            with Observer(site.inventory, site.record) as observer:
                found = observer.read()
            if not found.healthy:
                print_status(console, found)
                raise typer.Exit(UNHEALTHY)
            return
        with live.shown():
            live.phase("Recovery")
            wait_healthy(site.inventory, site.inventory.timing.rejoin_wait_s, live.say)
        console.print(f"lab {name} is healthy")


def _clean_up(site: Site, console: Console, *, yes: bool) -> bool:
    """Run what ends leftovers and loses nothing, if the person agrees; tell whether it was run.

    Raises CommandError when a command fails.
    """
    with Observer(site.inventory, site.record) as observer:
        found = judge(site.parts, observer.look())
    left = [reason for reason in found if reason.remedy and not reason.remedy.warning]
    if not left:
        return False
    console.print("left behind, and the commands that end it:")
    for reason in left:
        console.print(Text(f"  {reason.sentence}"))
    commands = _commands(left)
    for machine, command in commands:
        console.print(Text(f"    {machine}: {command}", style="dim"))
    if not yes and not (sys.stdin.isatty() and typer.confirm("Run them?", default=True)):
        console.print(f"nothing was changed; ./halab heal {site.inventory.lab} --yes runs them")
        return False
    failed: HalabError | None = None
    for machine, command in commands:
        try:
            with Remote(site.inventory.machine(machine)) as remote:
                remote.run(command)
        except HalabError as error:
            # The others may help all the same.
            failed = failed or error
    if failed is not None:
        raise failed
    return True


def _commands(left: list[Reason]) -> list[tuple[str, str]]:
    """Return each command once, with the machine to run it on."""
    every = ((each.remedy.machine, each.remedy.command) for each in left if each.remedy)
    return list(dict.fromkeys(every))

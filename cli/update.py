"""`halab update`: new packages for a lab's nodes, one after the other, while it serves."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import check_running, existing_lab
from cli.live import LivePhases
from cli.locking import locked
from cli.options import exclusive, names
from cli.papers import Papers
from core.errors import HalabError
from drills.readiness import check_healed
from drills.site import Site
from drills.witnesses import ask, environment
from status.collect import collect
from updates.outage import Account
from updates.planning import Roles, Turn, plan
from updates.report import Surroundings, reported
from updates.rolling import Rolling, look
from updates.worker import Wanted, packages_in

NOT_KEPT = 3
"""Exit status when clients noticed more than they may; 1 is an error, 2 a wrong command line."""


def update(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
    security: Annotated[
        bool, typer.Option("--security", help="Only what comes from a security archive.")
    ] = False,
    packages: Annotated[
        str | None,
        typer.Option(help="Only these packages, between commas, and what they need."),
    ] = None,
    from_folder: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="A folder with *.deb files, which the nodes get; apt takes nothing else then.",
        ),
    ] = None,
    reboot: Annotated[
        bool, typer.Option("--reboot", help="Reboot each node that is updated; a kernel does.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan alone.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Bring back what the last update replaced.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.")] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Write JUnit XML here, for CI.")
    ] = None,
) -> None:
    """Update the nodes one after the other and measure what clients notice.

    Exit status 3 when that was more than it may be.
    """
    console = Console(highlight=False, soft_wrap=True)
    only = names("--packages", packages)
    for option, is_said in (
        ("--security", security),
        ("--packages", bool(only)),
        ("--from", from_folder is not None),
    ):
        # All that the last update replaced comes back.
        exclusive({"--rollback": rollback, option: is_said})
    if from_folder is not None:
        packages_in(from_folder)
    wanted = Wanted(only, security, from_folder)
    folder = existing_lab(name)
    # A plan leaves those of the last update, and so does a command line that is wrong.
    pages = (report,) if report else ()
    papers = Papers(name, "update") if dry_run else Papers(name, "update", pages, junit_file)
    with papers.kept(), locked(name):
        check_running(folder)
        site = Site.of(folder)
        turns = examine(site, wanted, back=rollback, reboot=reboot)
        if not turns:
            papers.tell([])
            word = "no update left anything to roll back" if rollback else "nothing to update"
            console.print(f"{word} in lab {name}")
            return
        for turn in turns:
            for line in turn.lines():
                console.print(line, markup=False)
        if dry_run:
            return
        title = f"Rollback of lab {name}" if rollback else f"Update of lab {name}"
        account = roll(site, wanted, turns, title, console, papers)
    if not account.kept:
        if account.unknown is None:
            console.print("clients waited longer, or lost more, than an update may cost them")
        raise typer.Exit(NOT_KEPT)


def examine(site: Site, wanted: Wanted, *, back: bool, reboot: bool) -> tuple[Turn, ...]:
    """Look at the nodes and return what will be done to each of them, in order.

    Raises HalabError when a node cannot tell, or a drill has left its fault.
    """
    check_healed(site)
    live = LivePhases(f"Looking at the nodes of lab {site.inventory.lab}")
    with live.shown():
        found = look(site, wanted, back=back)
        return plan(found, Roles.of(collect(site.inventory)), back=back, reboot=reboot)


def roll(
    site: Site,
    wanted: Wanted,
    turns: tuple[Turn, ...],
    title: str,
    console: Console,
    papers: Papers,
) -> Account:
    """Take the turns while clients outside use the services; say and return what they saw.

    That is said as well when the update stops early, before the error is raised.
    """
    live = LivePhases(title)
    rolling = Rolling(site, wanted, live)
    try:
        with live.shown():
            before, versions = _serving(site, papers), _versions(site, papers)
            account = rolling.run(turns)
            after = _serving(site, papers)
    except KeyboardInterrupt:
        console.print(f"interrupted at {rolling.place}", markup=False)
        raise
    for line in account.lines():
        console.print(line, markup=False)
    if papers.wanted:
        again = shlex.join(("./halab", *sys.argv[1:]))
        around = Surroundings(title, again, versions, before, after)
        try:
            papers.write(reported(rolling, account, around))
        except HalabError as error:
            # Where the update stands is worth more to know.
            if rolling.failure is None:
                raise
            console.print(error.message, markup=False)
    if rolling.failure is not None:
        raise rolling.failure
    return account


def _serving(site: Site, papers: Papers) -> frozenset[str]:
    """Return the nodes at which clients find something, where a report wants to know."""
    found = ask(lambda: collect(site.inventory)) if papers.wanted else None
    return Roles.of(found).serving if found else frozenset()


def _versions(site: Site, papers: Papers) -> dict[str, str]:
    found = ask(lambda: environment(site.parts)) if papers.wanted else None
    return found or {}

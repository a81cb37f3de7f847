"""`halab update`: new packages for a lab's nodes, one after the other, while it serves."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import existing_lab
from cli.drill import write, writing
from cli.live import LiveDrill
from cli.locking import locked
from core.errors import HalabError
from core.files import READABLE, write_file
from drills.junit import Case, junit
from drills.readiness import check_healed
from drills.result import DrillResult
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
        str, typer.Option(help="Only these packages, between commas, and what they need.")
    ] = "",
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
    names = tuple(word for word in packages.replace(",", " ").split())
    if rollback and (security or names or from_folder):
        raise HalabError(
            "--rollback brings back all that the last update replaced",
            hint="leave --security, --packages and --from away",
        )
    if from_folder is not None:
        packages_in(from_folder)
    wanted = Wanted(names, security, from_folder)
    console = Console(highlight=False, soft_wrap=True)
    folder = existing_lab(name)
    papers = Papers(name, *((None, None) if dry_run else (report, junit_file)))
    papers.begin()
    with papers.excused(), locked(name):
        site = Site.of(folder)
        turns = examine(site, wanted, back=rollback, reboot=reboot)
        if not turns:
            papers.write_nothing()
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


@dataclass(frozen=True)
class Papers:
    """What a person wants to have of an update: files, and where."""

    lab: str
    report: Path | None = None
    junit: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return self.report is not None or self.junit is not None

    def begin(self) -> None:
        """Remove those of an earlier update, before anything is done.

        Raises HalabError where none can be written.
        """
        for path in (self.report, self.junit):
            if path is not None:
                with writing(str(path)):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.unlink(missing_ok=True)
                    path.touch()
                    path.unlink()

    def write(self, result: DrillResult) -> None:
        """Tell what an update was; raises HalabError when that cannot be written."""
        self._write_junit([Case(result.fault, result.ended - result.began, result)])
        if self.report is not None:
            write(result, self.report)

    def write_nothing(self) -> None:
        """Tell that there was nothing to do."""
        self._write_junit([])

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Tell why there was no update, where what fails in the block kept it from beginning."""
        try:
            yield
        except HalabError as error:
            if self.junit is not None and not self.junit.exists():
                with suppress(HalabError):
                    self._write_junit([Case("update", 0.0, None, error.message)])
            raise

    def _write_junit(self, cases: Sequence[Case]) -> None:
        if self.junit is not None:
            with writing(str(self.junit)):
                write_file(self.junit, junit(self.lab, cases, "update"), mode=READABLE)


def examine(site: Site, wanted: Wanted, *, back: bool, reboot: bool) -> tuple[Turn, ...]:
    """Look at the nodes and return what will be done to each of them, in order.

    Raises HalabError when a node cannot tell, or a drill has left its fault.
    """
    check_healed(site)
    live = LiveDrill(f"Looking at the nodes of lab {site.inventory.lab}")
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
    live = LiveDrill(title)
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

"""`halab test`: the project's own tests, from linters to a whole lab that is broken on purpose."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Annotated
from xml.etree import ElementTree

import typer
from rich.console import Console

from cli.claims import check_removable, claimed, put_away
from cli.clouds import ensure_cloud_tools
from cli.options import exclusive
from cli.progress import Progress
from core.command import run, start
from core.errors import HalabError
from core.folders import PROJECT
from hypervisor.packages import NEEDS, TEST_NEEDS, ensure_packages
from labs.loading import load

DEFINITIONS = {path.stem: path for path in sorted((PROJECT / "tests" / "labs").glob("*.toml"))}
"""The labs that the tests build, by what they are like; one of their names that somebody else made
is not touched."""

SUITES = ("tests/state", "tests/failover")

BRIEF = ("tests/state", "tests/failover/test_power_loss.py")

USUAL: dict[str, tuple[str, ...]] = {
    "unwatched": BRIEF,
    "active-passive": (*SUITES, "-m", "not thorough"),
    "database": BRIEF,
}
"""What a plain `halab test` tells of which lab, in this order."""

IF_TIME = "database"
"""The lab that a plain `halab test` begins only while less than LATE_S have gone by."""

LATE_S = 2700.0
"""Seconds, so that it ends within an hour or little more: up, state suite, a lost node and down of
that lab took 11 minutes in emulation where two processors were quick, 25 where they were not."""

UNIT, AWS = "unit", "aws"
"""What the reports of tests without a lab of their own are called."""

COMMAND = "halab test"

HEALING_S = 600.0
"""How long, in seconds, a suite that is interrupted may take to heal what it broke: the longest
reset of a lab in emulation, several times over."""

PYTHON = (sys.executable, "-P", "-m")

GATES: tuple[tuple[str, ...], ...] = (
    (*PYTHON, "ruff", "check", "--quiet", "."),
    (*PYTHON, "ruff", "format", "--check", "--quiet", "."),
    (*PYTHON, "mypy"),
    # Given to Python: its first line may name a path too long for the kernel, or with blanks.
    (*PYTHON[:-1], str(Path(sys.executable).with_name("lint-imports")), "--no-cache"),
    (*PYTHON, "tests.unused"),
)


def test(
    unit: Annotated[bool, typer.Option("--unit", help="Only what needs no lab.")] = False,
    lab: Annotated[
        str | None,
        typer.Option(help=f"Everything about one lab: {', '.join(DEFINITIONS)}."),
    ] = None,
    thorough: Annotated[bool, typer.Option("--all", help="Everything about all labs.")] = False,
    aws: Annotated[
        bool, typer.Option("--aws", help="Labs on AWS, and a rehearsal of one; installs 360 MB.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the test labs up.")] = False,
    junit: Annotated[
        Path | None, typer.Option(help="Folder for JUnit XML: unit.xml and one for each lab.")
    ] = None,
) -> None:
    """Run linters, unit tests, Pulumi-mock tests, and whole labs: up, state, failover, down."""
    began = monotonic()
    exclusive({"--unit": unit, "--lab": lab is not None, "--all": thorough, "--aws": aws})
    if lab is not None:
        # Before anything runs: a name of none.
        lab_file(lab)
    console = Console(highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        reports = junit or Path(stack.enter_context(TemporaryDirectory(prefix="halab-test-")))
        reports.mkdir(parents=True, exist_ok=True)
        # The last line: what all suites counted, whatever ended them.
        stack.callback(lambda: console.print(_count(reports)))
        for stale in _papers(reports):
            stale.unlink()
        if aws:
            _test_aws(_paper(reports, AWS), console)
            return
        if not unit:
            _run_gates(console)
        console.print("[bold]unit tests and Pulumi-mock tests[/]")
        _check(_pytest(["tests/unit", "tests/infra"], _paper(reports, UNIT)))
        if unit:
            return
        chosen = _chosen(lab, thorough=thorough)
        for kind, stories in chosen.items():
            if chosen is USUAL and kind == IF_TIME and monotonic() - began > LATE_S:
                console.print(
                    f"[yellow]not told here, where all took over {LATE_S / 60:.0f} minutes so far: "
                    f"{kind}[/]; ./halab test --lab {kind} tells everything about it"
                )
                continue
            _test_lab(kind, stories, _paper(reports, kind), console, keep=keep)


def lab_file(kind: str) -> Path:
    """Return the file of a lab of the tests; raises HalabError when there is none of that kind."""
    if kind not in DEFINITIONS:
        raise HalabError(
            f"no lab of the tests is called {kind!r}", hint=f"they are {', '.join(DEFINITIONS)}"
        )
    return DEFINITIONS[kind]


def _test_aws(report: Path, console: Console) -> None:
    """Tell what AWS would be asked for, what its real provider makes of that, and rehearse it."""
    tools = ensure_cloud_tools(Progress())
    console.print("[bold]what AWS would be asked for, and a rehearsal[/]")
    _check(_pytest(["tests/aws"], report), tools)


def _chosen(lab: str | None, *, thorough: bool) -> dict[str, tuple[str, ...]]:
    """Return what pytest is told to run for which lab; all of it where it was asked for."""
    if lab is not None:
        return {lab: SUITES}
    return dict.fromkeys(DEFINITIONS, SUITES) if thorough else USUAL


def _test_lab(
    kind: str, stories: Sequence[str], report: Path, console: Console, *, keep: bool
) -> None:
    """Build a lab, run stories about it and take it away."""
    name = load(str(lab_file(kind))).name
    with _lab(kind, name, keep, console):
        console.print(f"[bold]state and failover of lab {name}, which is {kind}[/]")
        _check(_pytest([*stories, f"--lab={name}"], report))


def _run_gates(console: Console) -> None:
    with Progress().step("System packages", if_needed=True) as step:
        ensure_packages(step, (*NEEDS, *TEST_NEEDS))
    for gate in (*GATES, *_shellchecks()):
        console.print(f"[bold]{' '.join(Path(word).name for word in gate[:5])}[/]")
        _check(gate)


@contextmanager
def _lab(kind: str, name: str, keep: bool, console: Console) -> Iterator[None]:
    if check_removable(name, COMMAND):
        console.print(f"removing the lab {name} of an earlier run")
        put_away(name, lambda: _check(_halab("down", name)))
    with claimed(name, COMMAND, lambda: _check(_halab("down", name)), keep):
        _check(_halab("up", "--cold", str(lab_file(kind))))
        yield


def _halab(*words: str) -> tuple[str, ...]:
    return (*PYTHON, "cli", *words)


def _pytest(paths: Sequence[str], report: Path) -> tuple[str, ...]:
    return (*PYTHON, "pytest", "-p", "no:cacheprovider", f"--junit-xml={report}", *paths)


def _paper(folder: Path, what: str) -> Path:
    """Return where the JUnit report of some tests is, in a folder that may hold anything else."""
    return folder / f"{what}.xml"


def _papers(folder: Path) -> Iterator[Path]:
    """Yield the JUnit reports that are there: of all that halab writes, and nobody else's XML."""
    for what in (UNIT, AWS, *DEFINITIONS):
        paper = _paper(folder, what)
        if paper.is_file():
            yield paper


def _count(reports: Path) -> str:
    """Add up what the suites' JUnit reports count."""
    total = passed = skipped = 0
    for report in _papers(reports):
        for suite in ElementTree.parse(report).iter("testsuite"):
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            total += int(suite.get("tests", 0))
            skipped += int(suite.get("skipped", 0))
            passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return f"{passed} passed, {total - passed - skipped} failed, {skipped} skipped"


def _shellchecks() -> Iterator[tuple[str, ...]]:
    """Yield the commands that check programs in shell, and texts that are run as parts of one.

    Templates are no shell until they are filled in; unit tests run what comes out of them.
    """
    places = ("halab", ".ci", "hypervisor", "infra", "parts", "provisioning", "rehearsal")
    first_line = ("-IE", "^#!/bin/(ba)?sh", *places)
    programs = run(["grep", "-rl", "--exclude=*.j2", *first_line], cwd=PROJECT).stdout.split()
    # GNU grep succeeds when it lists one, whichever of both is asked.
    texts = run(["grep", "-rL", "--include=*.sh", *first_line], cwd=PROJECT).stdout.split()
    yield "shellcheck", "-x", *programs
    yield "shellcheck", "-x", "--shell=sh", *texts


def _check(command: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
    """Run a command in the checkout, its output passing through; a failure ends the tests.

    `extra` is added to its environment.

    In a group of its own it hears of an interruption from here alone, however that came, and once.
    """
    environment = {"PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}
    with start(command, cwd=PROJECT, env=environment, process_group=0) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(HEALING_S)
            process.kill()
            raise
    if status != 0:
        raise typer.Exit(status)

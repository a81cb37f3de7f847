"""`halab test`: the project's own tests, from linters to a whole lab that is broken on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.progress import Progress
from core.folders import PROJECT, LabFolder
from hypervisor.packages import TEST_NEEDS, ensure_packages
from labs.loading import load

DEFINITION = PROJECT / "tests" / "selftest.toml"
"""The lab that the tests build: its own name, so that nobody's lab is touched."""

PYTHON = (sys.executable, "-P", "-m")

GATES: tuple[tuple[str, ...], ...] = (
    (*PYTHON, "ruff", "check", "--quiet", "."),
    (*PYTHON, "ruff", "format", "--check", "--quiet", "."),
    (*PYTHON, "mypy"),
    (str(Path(sys.executable).with_name("lint-imports")), "--no-cache"),
)


def test(
    unit: Annotated[bool, typer.Option("--unit", help="Only what takes seconds.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the test lab up.")] = False,
    junit: Annotated[
        Path | None, typer.Option(help="Folder for JUnit XML: unit.xml and lab.xml.")
    ] = None,
) -> None:
    """Run linters, unit tests, Pulumi-mock tests, and one whole lab: up, state, failover, down."""
    console = Console(highlight=False, soft_wrap=True)
    if junit:
        junit = junit.absolute()
        junit.mkdir(parents=True, exist_ok=True)
    if not unit:
        with Progress().step("System packages", if_needed=True) as step:
            ensure_packages(step, TEST_NEEDS)
        for gate in (*GATES, _shellcheck()):
            console.print(f"[bold]{' '.join(Path(word).name for word in gate[:5])}[/]")
            _check(gate)
    console.print("[bold]unit tests and Pulumi-mock tests[/]")
    _check(_pytest(["tests/unit", "tests/infra"], junit, "unit.xml"))
    if unit:
        return
    name = load(str(DEFINITION)).name
    with _lab(name, keep, console):
        console.print("[bold]state and failover of a running lab[/]")
        suites = ["tests/state", "tests/failover", f"--lab={name}"]
        _check(_pytest(suites, junit, "lab.xml"))


@contextmanager
def _lab(name: str, keep: bool, console: Console) -> Iterator[None]:
    if LabFolder.of(name).path.exists():
        console.print(f"removing the lab {name} of an earlier run")
        _check(_halab("down", name))
    try:
        _check(_halab("up", str(DEFINITION)))
        yield
    finally:
        if keep:
            console.print(f"the lab stays: ./halab status {name}, ./halab down {name}")
        elif LabFolder.of(name).path.exists():
            _check(_halab("down", name))


def _halab(*words: str) -> tuple[str, ...]:
    return (*PYTHON, "cli", *words)


def _pytest(paths: Sequence[str], junit: Path | None, name: str) -> tuple[str, ...]:
    report = (f"--junit-xml={junit / name}",) if junit else ()
    return (*PYTHON, "pytest", "-p", "no:cacheprovider", *report, *paths)


def _shellcheck() -> tuple[str, ...]:
    listed = subprocess.run(
        ["grep", "-rlIE", "^#!/bin/(ba)?sh", "halab", ".ci", "hypervisor", "provisioning"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return ("shellcheck", "-x", *listed)


def _check(command: Sequence[str]) -> None:
    """Run a command in the checkout, its output passing through; a failure ends the tests."""
    done = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False
    )
    if done.returncode != 0:
        raise typer.Exit(done.returncode)

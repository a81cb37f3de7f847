"""`halab schedule`: a lab is examined again and again, by a timer of systemd."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import wanted
from cli.options import exclusive
from cli.papers import HISTORY
from cli.tables import plain_table
from cli.timers import Timer, installed, lingers
from core.environment import aws_access, user_name
from core.errors import HalabError
from labs.model import Lab
from labs.tables.aws import Aws


def schedule(
    lab: Annotated[
        str | None, typer.Argument(help="A lab that runs, a name in labs/, or a TOML file.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            help="hour, day, week, month, or a time as systemd has it: 'Sat 03:30'.",
            show_default="week",
        ),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Examine it no more.")] = False,
) -> None:
    """Examine a lab regularly and keep its history; without a lab, show which ones are.

    A lab that is not there is built each time and taken away; one that is stays.
    """
    exclusive({"--every": every is not None, "--stop": stop})
    if lab is None:
        if stop or every is not None:
            raise typer.BadParameter("--every and --stop are about one lab: name it")
        show_timers()
        return
    if stop:
        timer = _standing(lab)
        timer.remove()
        print(f"lab {timer.lab} is not examined any more; its results stay in {timer.results}")
        return
    definition, source = wanted(lab)
    _check_credentials(definition)
    timer = Timer(definition.name)
    timer.install(source, "week" if every is None else every)
    print(f"lab {timer.lab} is examined by {timer.unit}.timer, next {_next(timer)}")
    if not lingers():
        print(f"only while you are logged in, unless: sudo loginctl enable-linger {user_name()}")
    print(f"its outages over time: ./halab history {shlex.quote(str(timer.results / HISTORY))}")
    print(f"to end it: ./halab schedule {timer.lab} --stop")


def _check_credentials(lab: Lab) -> None:
    """Raise HalabError where only this terminal knows by which key AWS is asked."""
    asks_aws = isinstance(lab.platform, Aws) and lab.platform.endpoint is None
    if asks_aws and "AWS_ACCESS_KEY_ID" in aws_access():
        raise HalabError(
            f"lab {lab.name!r} would be examined without AWS_ACCESS_KEY_ID, which only this "
            "terminal knows",
            hint="write the key into ~/.aws/credentials (`aws configure --profile halab`), then "
            "unset it here, set AWS_PROFILE=halab and run this again",
        )


def show_timers() -> None:
    """Show which labs are examined regularly, when next, and how it went last."""
    timers = list(installed())
    if not timers:
        print("no lab is examined regularly: `./halab schedule LAB --every week` begins it")
        return
    table = plain_table("lab", "next", "last")
    for timer in timers:
        table.add_row(timer.lab, _next(timer), _last(timer))
    Console(highlight=False).print(table)
    print(f"reports and history of each: {timers[0].results.parent}/LAB")


def _standing(lab: str) -> Timer:
    """Return the timer that a person means: by the lab's name, or as it was asked for."""
    names = {timer.lab for timer in installed()}
    return Timer(lab if lab in names else wanted(lab)[0].name)


def _next(timer: Timer) -> str:
    return timer.said("timer", "NextElapseUSecRealtime").get("NextElapseUSecRealtime") or "never"


def _last(timer: Timer) -> str:
    told = timer.said("service", "Result", "ExecMainStatus", "ExecMainExitTimestamp")
    at = told.get("ExecMainExitTimestamp")
    if not at:
        return "not yet"
    passed = told.get("Result") == "success"
    return f"{'passed' if passed else 'not passed'}, {at}"

"""What options take: words that would mean something else than they say are refused."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.options import names
from core.errors import HalabError


def said(*words: str) -> str:
    """Type a command that is refused before it does anything; return why, in one line."""
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert not isinstance(done.exception, HalabError), done.exception
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


def numbers() -> list[tuple[str, str, str]]:
    """Return each command with an option that takes a number, about a lab that nobody has."""
    return [
        (command.name or command.callback.__name__, "nowhere", f"--{name}")
        for command in app.registered_commands
        if command.callback is not None
        for name, kind in get_type_hints(command.callback).items()
        if float in (kind, *get_args(kind))
    ]


@pytest.mark.parametrize("words", numbers(), ids=" ".join)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "0", "-5", ""])
def test_a_number_has_to_be_one_that_something_can_be_measured_against(
    words: tuple[str, str, str], number: str
) -> None:
    assert f"Invalid value for '{words[-1]}'" in said(*words, number)


def test_there_are_options_that_take_a_number() -> None:
    assert {words[-1] for words in numbers()} == {"--budget", "--minutes", "--hours"}


@pytest.mark.parametrize("words", [("update", "--packages"), ("exam", "--faults")], ids=" ".join)
@pytest.mark.parametrize("empty", ["", " ", ",", " , "])
def test_a_list_that_is_empty_is_not_everything(words: tuple[str, str], empty: str) -> None:
    command, option = words
    assert f"{option} names nothing" in said(command, "nowhere", option, empty)


def test_names_have_commas_or_blanks_between_them() -> None:
    assert names("--faults", "freeze, partition,power-off,") == ("freeze", "partition", "power-off")
    assert names("--faults", None) == ()


@pytest.mark.parametrize(
    "words",
    [
        "inventory nowhere --json --ansible",
        "status nowhere --json --nagios",
        "snapshots nowhere --json --remove old",
        "schedule nowhere --every day --stop",
        "what-if nowhere --check --json power-off node1",
        "what-if nowhere --json --to moves.svg power-off node1",
        "what-if nowhere --all power-off node1",
    ],
)
def test_options_that_contradict_each_other_are_refused(words: str) -> None:
    assert "exclude each other: say one of them" in said(*words.split())


@pytest.mark.parametrize("option", [("--stop",), ("--every", "day")], ids=" ".join)
def test_what_is_about_one_lab_is_not_the_list_of_all(option: tuple[str, ...]) -> None:
    assert "are about one lab: name it" in said("schedule", *option)

"""How options are read that several commands have."""

from __future__ import annotations

import math
from collections.abc import Mapping

import typer


def positive(text: str) -> float:
    """Read how much of something that passes, as seconds; raises BadParameter for what never does.

    With NaN nothing compares: no limit would hold, and nothing would come to its end.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise typer.BadParameter(f"{text!r} is no number above 0: say one, as 30")
    return number


def names(option: str, said: str | None) -> tuple[str, ...]:
    """Return the names that somebody said, commas between them; none where the option was left out.

    Raises BadParameter for an option without a name: a variable that is empty by mistake would
    mean everything.
    """
    if said is None:
        return ()
    found = tuple(said.replace(",", " ").split())
    if not found:
        raise typer.BadParameter(f"{option} names nothing: name what you mean, or leave it out")
    return found


def exclusive(said: Mapping[str, bool]) -> None:
    """Raise BadParameter where more than one option was said of these: one would be swallowed."""
    found = [option for option, is_said in said.items() if is_said]
    if len(found) > 1:
        raise typer.BadParameter(f"{' and '.join(found)} exclude each other: say one of them")

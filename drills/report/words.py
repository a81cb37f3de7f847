"""How a report says numbers, moments and texts that come from machines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from core.text import plain
from drills.result import DrillResult

NOT_TOLD = "not told"
"""Stands for what nobody logged or measured."""

_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Words:
    """How the parts of what is reported are called: a drill's, or an update's."""

    whole: str
    begun: str
    ended: str
    zero: str
    act: str
    hit: tuple[str, str]
    """How a machine is marked that it was aimed at: a class of the style sheet, and words."""


WORDS = {
    "drill": Words(
        "drill", "fault", "healed", "the fault", "fault", ("fail", "✗ hit by the fault")
    ),
    "update": Words(
        "update", "begun", "done", "the update's beginning", "what", ("soft", "↻ updated")
    ),
}


def origin(result: DrillResult) -> str:
    """Return the words for the moment that all times are relative to."""
    words = WORDS[result.kind]
    return f"the {words.whole}'s beginning" if result.injected is None else words.zero


def shorten(text: str, longest: int) -> str:
    """Return a text in one line of at most so many letters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def seconds(value: float | None) -> str:
    """Return a duration with one digit, as in `33.4 s`."""
    return NOT_TOLD if value is None else f"{value:.1f} s".replace("-", _MINUS)


def relative(at: float, zero: float) -> str:
    """Return a moment as seconds after `zero`, as in `+33.4 s`."""
    return f"{at - zero:+.1f} s".replace("-", _MINUS)


def iso(at: float) -> str:
    """Return a moment (seconds since 1970) in ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def percent(part: float, whole: float) -> float:
    """Return a share between 0 and 100; 0 of nothing."""
    return round(max(0.0, min(100.0, 100 * part / whole)), 2) if whole > 0 else 0.0

"""Verdicts: true, false, or could not be told, which is never a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.errors import HalabError


@dataclass(frozen=True)
class Verdict:
    """The answer to one question; `holds` is None when it could not be told."""

    question: str
    holds: bool | None
    because: str

    def __str__(self) -> str:
        word = {True: "yes", False: "NO", None: "COULD NOT TELL"}[self.holds]
        return f"{self.question}: {word}. {self.because}".rstrip(". ")


def ask(question: str, answer: Callable[[], tuple[bool | None, str]]) -> Verdict:
    """Ask one question; an audit that breaks down could not tell."""
    try:
        holds, because = answer()
    except (HalabError, ValueError, OSError) as error:
        return Verdict(question, None, str(error))
    return Verdict(question, holds, because)


def require(verdicts: Iterable[Verdict]) -> None:
    """Raise AssertionError that lists every verdict which is not a plain yes."""
    bad = [verdict for verdict in verdicts if verdict.holds is not True]
    if bad:
        raise AssertionError("\n".join(str(verdict) for verdict in bad))

"""Why a lab is not healthy: in a sentence, whether that ends by itself, and what ends it."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

FOR_EVER = math.inf
"""How long lasts what only a person ends."""


@dataclass(frozen=True)
class Remedy:
    """A command that ends a reason, for root on `machine`.

    `warning` says when it must not be run; without one it loses nothing.
    """

    machine: str
    command: str
    warning: str | None = None

    def paste(self, lab: str) -> str:
        """Return the command as a person types it beside `halab`."""
        # ssh joins words with blanks: what the shell there must see as one stays quoted.
        plain = not set(self.command) & set(";|&<>$`\"'(){}[]*?!#\\\n")
        text = self.command if plain else shlex.quote(self.command)
        return f"./halab ssh {lab} {self.machine} -- {text}"


@dataclass(frozen=True)
class Reason:
    """Something that is not right, or was not.

    `lasts_s`: for how long it stays when nobody does anything; 0 for what passes. `settles_s`: for
    how long it may be seen although it is about to end. `past`: it harms nothing any more. `grave`:
    data are being destroyed, so it is told before everything else.
    """

    sentence: str
    remedy: Remedy | None = None
    lasts_s: float = 0.0
    settles_s: float = 0.0
    past: bool = False
    grave: bool = False

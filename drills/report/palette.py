"""Which colour says what in a report, and the style sheet that has them all."""

from __future__ import annotations

from drawing.colours import (
    ALL,
    BLUE,
    FAIL,
    GREEN,
    INK,
    ON_BRIGHT,
    ON_DARK,
    PASS,
    PURPLE,
    SKY,
    UNKNOWN,
    VERMILION,
    YELLOW,
)
from drills.result import Answer, MarkKind

PHASES = (BLUE, SKY, VERMILION, PURPLE, GREEN, YELLOW)
"""In the order of a result's phases; beyond the sixth they begin again."""

ON_PHASES = (ON_DARK, ON_BRIGHT, ON_DARK, ON_DARK, ON_DARK, ON_BRIGHT)
"""What can be read on each of them."""

ANSWERS = {Answer.PASS: PASS, Answer.FAIL: FAIL, Answer.UNKNOWN: UNKNOWN}

KINDS = {
    MarkKind.FAULT: FAIL,
    MarkKind.HEAL: PASS,
    MarkKind.HYPERVISOR: INK,
    MarkKind.MEMBERSHIP: BLUE,
    MarkKind.FENCING: VERMILION,
    MarkKind.REPLICATION: PURPLE,
    MarkKind.RESOURCE: GREEN,
    MarkKind.PROBLEM: UNKNOWN,
    MarkKind.STEP: BLUE,
}


def style_sheet() -> str:
    """Return the variables: light, dark where the reader prefers it, and light on paper."""
    light = " ".join(f"--{colour.name}: {colour.light};" for colour in ALL)
    dark = " ".join(f"--{colour.name}: {colour.dark};" for colour in ALL)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )

"""The colours of halab's pictures and pages, each with a value for light and for dark grounds.

The bright ones are of Okabe and Ito, which people with any kind of colour vision can tell apart
(https://jfly.uni-koeln.de/color/). No colour ever says something alone: a word, a shape or a place
says it as well.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """A CSS variable `--name`. Light values are unique: figures are drawn in them."""

    name: str
    light: str
    dark: str

    @property
    def css(self) -> str:
        """The colour as a style sheet refers to it."""
        return f"var(--{self.name})"


PAGE = Colour("page", "#f6f7f9", "#101317")
PANEL = Colour("panel", "#ffffff", "#191d23")
INK = Colour("ink", "#171b21", "#eceff3")
SOFT = Colour("soft", "#56606c", "#a7b1bd")
RULE = Colour("rule", "#d5dae1", "#363e48")
PASS = Colour("pass", "#0a7048", "#5ed09a")
FAIL = Colour("fail", "#b8211a", "#ff857c")
UNKNOWN = Colour("unknown", "#855700", "#efbd4e")
BLUE = Colour("blue", "#0072b2", "#57aee8")
SKY = Colour("sky", "#56b4e9", "#8fd0f7")
VERMILION = Colour("vermilion", "#d55e00", "#f28a45")
PURPLE = Colour("purple", "#b4588c", "#e29fc4")
GREEN = Colour("green", "#009e73", "#35c79c")
YELLOW = Colour("yellow", "#e0c71b", "#f0e142")
ON_DARK = Colour("on-dark", "#fefefe", "#0d1014")
ON_BRIGHT = Colour("on-bright", "#10141a", "#0c0f13")

ALL = (
    *(PAGE, PANEL, INK, SOFT, RULE, PASS, FAIL, UNKNOWN),
    *(BLUE, SKY, VERMILION, PURPLE, GREEN, YELLOW, ON_DARK, ON_BRIGHT),
)

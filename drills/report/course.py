"""The picture of a drill that was repeated: each outage, and what it was allowed, over time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from core.text import plain
from drawing import colours
from drills.history import Change, Strand
from drills.report import palette
from drills.report.figure import SETTINGS, SMALL, WIDTH
from drills.report.svg import Hint, adopt
from drills.report.view import Verdict, verdict
from drills.report.words import iso, seconds
from drills.result import DrillResult

HEIGHT = 150.0
"""In points, as all of a figure."""

PLACE = (0.07, 0.17, 0.92, 0.76)
"""Of the axes in it: left, bottom, width and height as shares."""

SHAPES = {"pass": "o", "fail": "X", "unknown": "s"}
"""Markers by the CSS class of a verdict: no colour speaks alone."""

DAY_S = 86400

FEW_DAYS, TICKS = 4, 6


@dataclass(frozen=True)
class Course:
    """A strand as the page shows it; `key` tells it from the others.

    `named`: whether its lab is one of several.
    """

    strand: Strand
    changed: Sequence[Change]
    key: str
    named: bool

    @property
    def title(self) -> str:
        """What the drill is, and whom it hit where that is not the usual one."""
        whose = f"{self.strand.lab}: " if self.named else ""
        title = plain(f"{whose}{self.strand.last.title}")
        return title if self.strand.active else f"{title}, not of the active node"

    @property
    def verdict(self) -> Verdict:
        """Of the latest."""
        return verdict(self.strand.last.answer)

    @property
    def sentence(self) -> str:
        """Say it in numbers."""
        strand = self.strand
        latest = seconds(strand.last.outage_s)
        return (
            f"{strand.passed} of {len(strand.results)} passed. Latest outage {latest}, "
            f"median {seconds(strand.middle)}, longest {seconds(strand.longest)}, "
            f"budget {seconds(strand.last.budget_s)}."
        )

    @property
    def picture(self) -> Markup:
        """Draw every outage as a mark, the budget as a line, and changes as lines across it."""
        results = self.strand.results
        with matplotlib.rc_context(SETTINGS):
            figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
            axes = figure.add_axes(PLACE)
            axes.patch.set_visible(False)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            at = [_number(result.began) for result in results]
            budgets = [result.budget_s for result in results]
            axes.plot(at, budgets, color=colours.SOFT.light, linestyle=(0, (4, 2.5)), gid="budget")
            for index, result in enumerate(results):
                _mark(result, axes, f"point-{index}")
            for index, change in enumerate(self._changes):
                axes.axvline(_number(change.at), color=colours.PURPLE.light, gid=f"change-{index}")
            axes.set_ylim(0, 1.15 * max(*budgets, *self.strand.outages, 0.1))
            _days(axes, at[0], at[-1])
            axes.set_ylabel("seconds", fontsize=SMALL)
            text = io.StringIO()
            figure.savefig(text, format="svg", transparent=True)
        return Markup(adopt(text.getvalue(), self.key, self.sentence, self._hints, {}))

    @property
    def _changes(self) -> list[Change]:
        """The changes of its lab within the picture."""
        first, last = self.strand.results[0].began, self.strand.last.began
        return [
            change
            for change in self.changed
            if change.lab == self.strand.lab and first <= change.at <= last
        ]

    @property
    def _hints(self) -> dict[str, Hint]:
        points = {
            f"point-{index}": Hint(_said(result), f"#{self.key}")
            for index, result in enumerate(self.strand.results)
        }
        changes = {
            f"change-{index}": Hint(plain("\n".join(change.lines)), "#changes")
            for index, change in enumerate(self._changes)
        }
        return {**points, **changes}


def _mark(result: DrillResult, axes: Axes, gid: str) -> None:
    """Draw an outage; one that was not measured stands on the ground."""
    height = result.outage_s or 0.0
    colour = palette.ANSWERS[result.answer].light
    shape = SHAPES[result.answer.value]
    axes.plot(
        [_number(result.began)],
        [height],
        shape,
        color=colour,
        markersize=6,
        gid=gid,
        clip_on=False,
        linestyle="none",
    )


def _days(axes: Axes, first: float, last: float) -> None:
    """Write days below the picture, with hours where it shows few; one moment has a day of room."""
    few = last - first < FEW_DAYS
    if first == last:
        axes.set_xlim(first - 0.5, first + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=not few))
    written = "%Y-%m-%d %H:%M" if few else "%Y-%m-%d"
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda at, _: f"{datetime.fromtimestamp(at * DAY_S, UTC):{written}}")
    )


def _said(result: DrillResult) -> str:
    return f"{iso(result.began)}: {result.answer.value}, {seconds(result.outage_s)}"


def _number(at: float) -> float:
    """Return a moment as matplotlib counts it: in days, UTC."""
    return at / DAY_S

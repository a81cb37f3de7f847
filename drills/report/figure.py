"""The picture of a drill: what each machine did, and what the client outside saw, on one clock.

Drawn by matplotlib in the light colours of the palette; drills.report.svg makes it part of a page.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.typing import RcKeyType

from core.text import plain
from drawing import colours
from drills.probes import Attempt
from drills.report import palette
from drills.report.lanes import Lane, arrange
from drills.report.svg import Hint, adopt
from drills.report.words import WORDS, origin, relative, seconds, shorten
from drills.result import DrillResult, Mark, MarkKind

WIDTH, LEFT, RIGHT = 720.0, 82.0, 38.0
HEAD, PHASES, ROW, LANE_EXTRA, GAP, FOOT = 15.0, 34.0, 12.75, 9.0, 3.0, 30.0
"""Everything is measured in points: the figure's own unit."""

PROBES, WRITES = 74.0, 58.0
TEXT, SMALL = 8.5, 7.75
LETTER = 0.54
"""Mean width of a letter in a sans-serif font, of its size."""

LONGEST_LABEL, LONGEST_NAME = 56, 15
"""In letters; what is longer ends in an ellipsis, and the log has it in full."""

SHAPES = {
    MarkKind.FAULT: "X",
    MarkKind.HEAL: "P",
    MarkKind.HYPERVISOR: "s",
    MarkKind.MEMBERSHIP: "o",
    MarkKind.FENCING: "D",
    MarkKind.REPLICATION: "^",
    MarkKind.RESOURCE: ">",
    MarkKind.PROBLEM: "v",
    MarkKind.STEP: "<",
}
"""matplotlib's names of markers; the legend of the page draws the same shapes."""

SETTINGS: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be found, read aloud and copied
    "svg.hashsalt": "halab",  # the same result gives the same file
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "path.simplify": False,
    "font.size": TEXT,
    "text.color": colours.INK.light,
    "axes.edgecolor": colours.RULE.light,
    "axes.labelcolor": colours.SOFT.light,
    "xtick.color": colours.SOFT.light,
    "ytick.color": colours.SOFT.light,
    "axes.linewidth": 0.8,
}


@dataclass(frozen=True)
class Window:
    """What a picture shows: seconds after the fault (or after the drill's beginning)."""

    begin: float
    end: float

    def holds(self, at: float) -> bool:
        """Whether a moment lies within it."""
        return self.begin <= at <= self.end

    @property
    def per_point(self) -> float:
        """Seconds that a point of the figure's width stands for."""
        return (self.end - self.begin) / (WIDTH - LEFT - RIGHT)


def zero(result: DrillResult) -> float:
    """The moment that all times are relative to: the fault, or the beginning if there was none."""
    return result.began if result.injected is None else result.injected


def noticed(result: DrillResult) -> bool | None:
    """Whether a client noticed anything: a probe failed, or none succeeded for long enough to tell.

    None when nobody asked.
    """
    probes = [attempt for attempt in result.attempts if attempt.kind == "probe"]
    return any(not attempt.ok for attempt in probes) if probes else None


def windows(result: DrillResult) -> tuple[Window, ...]:
    """Return what to draw: the outage large, and the whole drill where that is much longer."""
    origin = zero(result)
    whole = Window(result.began - origin - 1, max(result.ended, result.began + 1) - origin + 1)
    if result.outage is None or not noticed(result):
        return (whole,)
    begin = min(0.0, result.outage.began - origin)
    end = result.outage.over - origin
    room = max(3.0, 0.12 * (end - begin))
    outage = Window(max(whole.begin, begin - room / 2), min(whole.end, end + room))
    much_longer = whole.end - whole.begin > 1.6 * (outage.end - outage.begin)
    return (outage, whole) if much_longer else (whole,)


def draw(result: DrillResult, window: Window, prefix: str, label: str) -> str:
    """Return the picture as an SVG element whose ids begin with `prefix`."""
    with matplotlib.rc_context(SETTINGS):
        picture = _Picture(result, window)
        return picture.markup(prefix, label)


class _Picture:
    """One figure; panels are stacked from the top, all over the same seconds."""

    def __init__(self, result: DrillResult, window: Window) -> None:
        self.result, self.window, self.zero = result, window, zero(result)
        self.names = _lane_names(result)
        self.marks = {name: self._marks_of(name) for name in self.names}
        self.lanes = {name: self._lane(marks) for name, marks in self.marks.items()}
        heights = [lane.rows * ROW + LANE_EXTRA for lane in self.lanes.values()]
        requests = [(kind, height) for kind, height in _REQUESTS if self._attempts(kind)]
        panels = [PHASES, *heights, *(height for _, height in requests)]
        self.height = HEAD + sum(panels) + GAP * len(panels) + FOOT
        self.figure = Figure(figsize=(WIDTH / 72, self.height / 72), dpi=72)
        self.top = HEAD
        self._background()
        self._phases(self._panel(PHASES, "client outside"))
        for name, height in zip(self.names, heights, strict=True):
            self._draw_lane(self._panel(height, name), name)
        for kind, height in requests:
            self._requests(self._panel(height, f"{kind}s"), kind)
        self._seconds_axis()

    def markup(self, prefix: str, label: str) -> str:
        text = io.StringIO()
        self.figure.savefig(text, format="svg", transparent=True)
        hints = {
            f"point-{index}-{lane}": Hint(
                f"{relative(mark.at, self.zero)} {plain(mark.machine)}: {plain(mark.text)}",
                f"#{prefix.split('-')[0]}-mark-{index}",
            )
            for lane, name in enumerate(self.names)
            for index, mark in self.marks[name]
        }
        data = {
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "begin": self.window.begin,
            "end": self.window.end,
        }
        return adopt(text.getvalue(), prefix, label, hints, data)

    def _marks_of(self, name: str) -> list[tuple[int, Mark]]:
        return [
            (index, mark)
            for index, mark in enumerate(self.result.marks)
            if name in owners(mark, self.result) and self.window.holds(mark.at - self.zero)
        ]

    def _attempts(self, kind: str) -> list[Attempt]:
        return [
            attempt
            for attempt in self.result.attempts
            if attempt.kind == kind and self.window.holds(_begun(attempt) - self.zero)
        ]

    def _lane(self, marks: Sequence[tuple[int, Mark]]) -> Lane:
        per_point = self.window.per_point
        return arrange(
            [mark.at - self.zero for _, mark in marks],
            [
                (len(shorten(mark.text, LONGEST_LABEL)) * LETTER * SMALL + 16) * per_point
                for _, mark in marks
            ],
            self.window.begin,
            self.window.end,
        )

    def _panel(self, height: float, name: str) -> Axes:
        self.top += height + GAP
        axes = self._axes(self.top - GAP, height)
        axes.set_yticks([])
        axes.grid(False)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.text(
            *(-10 / (WIDTH - LEFT - RIGHT), 0.5, shorten(name, LONGEST_NAME)),
            transform=axes.transAxes,
            ha="right",
            va="center",
            fontsize=TEXT,
            fontweight="bold",
        )
        return axes

    def _axes(self, bottom: float, height: float) -> Axes:
        """Make axes whose lower edge is `bottom` points below the figure's top."""
        place = (
            LEFT / WIDTH,
            1 - bottom / self.height,
            (WIDTH - LEFT - RIGHT) / WIDTH,
            height / self.height,
        )
        axes = self.figure.add_axes(place)
        axes.set_xlim(self.window.begin, self.window.end)
        axes.set_ylim(0, height)
        axes.xaxis.set_major_locator(NullLocator())
        axes.patch.set_visible(False)
        return axes

    def _background(self) -> None:
        """Shade the outage and draw the moments that everything else is read against."""
        bottom = self.height - FOOT
        axes = self._axes(bottom, bottom - HEAD)
        axes.set_axis_off()
        result, words = self.result, WORDS[self.result.kind]
        if result.outage is not None and noticed(result):
            span = (result.outage.began - self.zero, result.outage.over - self.zero)
            axes.axvspan(*span, color=colours.FAIL.light, alpha=0.09, linewidth=0)
        # The last two often come within a second: their words stand on either side.
        moments = (
            (words.begun, result.injected, colours.FAIL, "right"),
            (words.ended, result.healed, colours.PASS, "right"),
            ("healthy again", result.recovered, colours.PASS, "left"),
        )
        for word, at, colour, side in moments:
            if at is None or not self.window.holds(at - self.zero):
                continue
            axes.axvline(at - self.zero, color=colour.light, linewidth=1.1, linestyle=(0, (4, 2.5)))
            axes.annotate(
                word,
                (at - self.zero, bottom - HEAD),
                xytext=(0, 3),
                textcoords="offset points",
                ha=side,
                color=colour.light,
                fontweight="bold",
                fontsize=SMALL,
                annotation_clip=False,
            )

    def _phases(self, axes: Axes) -> None:
        """Draw the outage as a bracket above the phases that it consists of."""
        outage = self.result.outage
        if outage is None or not noticed(self.result):
            text = {True: "outage not told", False: "every probe was answered", None: "no probe"}
            axes.text(
                *((self.window.begin + self.window.end) / 2, PHASES / 2),
                text[noticed(self.result)],
                ha="center",
                va="center",
                color=colours.SOFT.light,
            )
            return
        begin, end = outage.began - self.zero, outage.over - self.zero
        axes.barh(
            7,
            end - begin,
            left=begin,
            height=14,
            facecolor=colours.PAGE.light,
            edgecolor=colours.SOFT.light,
            hatch="////",
            linewidth=0.5,
        )
        for index, phase in enumerate(self.result.phases):
            if phase.began is None or phase.ended is None:
                continue
            left, width = phase.began - self.zero, phase.ended - phase.began
            colour = palette.PHASES[index % len(palette.PHASES)]
            axes.barh(7, width, left=left, height=14, color=colour.light, linewidth=0)
            for words in (f"{phase.name} {width:.1f} s", phase.name, f"{width:.1f}"):
                if len(words) * LETTER * SMALL + 4 <= width / self.window.per_point:
                    axes.text(
                        *(left + width / 2, 7, words),
                        ha="center",
                        va="center_baseline",
                        fontsize=SMALL,
                        fontweight="bold",
                        color=palette.ON_PHASES[index % len(palette.PHASES)].light,
                    )
                    break
        arrow = {"arrowstyle": "<->", "color": colours.FAIL.light, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (begin, 18), (end, 18), arrowprops=arrow)
        axes.text(
            *((begin + end) / 2, 21, f"no answer for {outage.seconds:.1f} s"),
            ha="center",
            color=colours.FAIL.light,
            fontweight="bold",
            fontsize=TEXT,
        )

    def _draw_lane(self, axes: Axes, name: str) -> None:
        top = self.lanes[name].rows * ROW + LANE_EXTRA / 2
        for (index, mark), spot in zip(self.marks[name], self.lanes[name].spots, strict=True):
            colour = palette.KINDS[mark.kind].light
            at, y = mark.at - self.zero, top - (spot.row + 0.5) * ROW
            [point] = axes.plot(
                *([at], [y]),
                marker=SHAPES[mark.kind],
                markersize=6,
                color=colour,
                markeredgecolor=colours.PANEL.light,
                markeredgewidth=0.5,
                linestyle="none",
                clip_on=False,
            )
            point.set_gid(f"point-{index}-{self.names.index(name)}")
            if spot.shown:
                axes.annotate(
                    shorten(mark.text, LONGEST_LABEL),
                    (at, y),
                    xytext=(-6 if spot.leftward else 6, 0),
                    textcoords="offset points",
                    ha="right" if spot.leftward else "left",
                    va="center_baseline",
                    fontsize=SMALL,
                )

    def _requests(self, axes: Axes, kind: str) -> None:
        """Draw each request as a stem as high as it took; failures have a cross on top."""
        attempts = self._attempts(kind)
        slowest = max(attempt.ended - attempt.begun for attempt in attempts)
        low, high = 0.004, max(1.6, 1.6 * slowest)
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        for ok, colour, marker in ((True, colours.BLUE, "None"), (False, colours.FAIL, "x")):
            stems: list[float] = []
            tops: list[float] = []
            ends: list[tuple[float, float]] = []
            for attempt in attempts:
                if attempt.ok is ok:
                    at, took = _begun(attempt) - self.zero, attempt.ended - attempt.begun
                    stems += (at, at, math.nan)
                    tops += (low, max(took, 1.2 * low), math.nan)
                    ends.append((at, max(took, 1.2 * low)))
            axes.plot(stems, tops, color=colour.light, linewidth=0.9 if ok else 1.3)
            if not ok and ends:
                axes.plot(
                    *zip(*ends, strict=True),
                    marker=marker,
                    markersize=4.5,
                    markeredgewidth=1.2,
                    color=colour.light,
                    linestyle="none",
                )
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_yticks([tick for tick in (0.01, 0.1, 1.0, 10.0) if low <= tick <= high])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _latency(value)))
        axes.yaxis.tick_right()
        axes.tick_params(axis="y", length=0, pad=3, labelsize=6.5)
        axes.grid(True, axis="y", color=colours.RULE.light, linewidth=0.5)
        axes.set_axisbelow(True)

    def _seconds_axis(self) -> None:
        axes = self._axes(self.height - FOOT, 0.01)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(14, steps=[1, 2, 5, 10], integer=True))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:.0f}".replace("-", "\N{MINUS SIGN}"))
        )
        axes.set_xlabel(f"seconds after {origin(self.result)}", fontsize=TEXT)


_REQUESTS = (("probe", PROBES), ("write", WRITES))


def _begun(attempt: Attempt) -> float:
    """The time of day at which a request began; `wall` is taken when it ends."""
    return attempt.wall - (attempt.ended - attempt.begun)


def _lane_names(result: DrillResult) -> list[str]:
    """The machines in their order, and after them whoever else has a mark."""
    names = [machine.name for machine in result.machines]
    return list(dict.fromkeys([*names, *(n for m in result.marks for n in owners(m, result))]))


def owners(mark: Mark, result: DrillResult) -> tuple[str, ...]:
    """Return whose lanes a mark belongs to: a fault may hit several machines at once."""
    known = {machine.name for machine in result.machines}
    several = tuple(mark.machine.split(", "))
    return several if known.issuperset(several) else (mark.machine or "lab",)


def _latency(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else seconds(value).replace(".0", "")

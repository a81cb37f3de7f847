"""Where the labels of a timeline go: beside their marks, in as few rows as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROWS_AT_MOST = 9
"""Where a lane is fuller than this, marks go below it without a label: the log has them all."""


@dataclass(frozen=True)
class Spot:
    """The place of one mark: its row from the top, and whether its label fits and on which side."""

    row: int
    shown: bool
    leftward: bool


@dataclass(frozen=True)
class Lane:
    """The places of one machine's marks, in the order they were given."""

    spots: tuple[Spot, ...]

    @property
    def rows(self) -> int:
        """How many rows the lane takes; an empty lane takes one."""
        return 1 + max((spot.row for spot in self.spots), default=0)


def arrange(moments: Sequence[float], widths: Sequence[float], begin: float, end: float) -> Lane:
    """Place marks at these moments with labels of these widths (both in the axis's unit).

    Labels stand right of their mark, or left of it where they would leave [begin, end]. Each takes
    the first row where it touches nobody.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(ROWS_AT_MOST)]
    spots: dict[int, Spot] = {}
    for index in sorted(range(len(moments)), key=lambda index: moments[index]):
        at, width = moments[index], widths[index]
        leftward = at + width > end and at - width >= begin
        span = (at - width, at) if leftward else (at, at + width)
        free = (
            row
            for row, spans in enumerate(taken)
            if all(span[1] <= other[0] or span[0] >= other[1] for other in spans)
        )
        row = next(free, None)
        if row is None:
            spots[index] = Spot(ROWS_AT_MOST, shown=False, leftward=False)
        else:
            taken[row].append(span)
            spots[index] = Spot(row, shown=True, leftward=leftward)
    return Lane(tuple(spots[index] for index in range(len(moments))))

"""How the outages of a lab's drills went over time: what was saved of each, and what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from pydantic import ValidationError

from drills.journal import OPEN
from drills.result import Answer, DrillResult

EARLIER = 3
"""How many outages are needed before a later one can be longer than usual."""

USUAL = 1.25
"""An outage of more than so many times the longest before it is longer than usual. A choice: most
of an outage follows from timeouts and hardly varies, and a host that is busy is no reason."""


@dataclass(frozen=True)
class Strand:
    """A drill that was repeated in a lab, in the order of time.

    `active`: it hit a node that served.
    """

    lab: str
    fault: str
    active: bool
    results: tuple[DrillResult, ...]

    @property
    def last(self) -> DrillResult:
        """The latest."""
        return self.results[-1]

    @property
    def outages(self) -> tuple[float, ...]:
        """In seconds; what was not measured is left out."""
        return tuple(each.outage_s for each in self.results if each.outage_s is not None)

    @property
    def middle(self) -> float | None:
        """The median of the outages."""
        return median(self.outages) if self.outages else None

    @property
    def longest(self) -> float | None:
        """The longest outage."""
        return max(self.outages, default=None)

    @property
    def passed(self) -> int:
        """How often it passed."""
        return sum(each.answer is Answer.PASS for each in self.results)

    @property
    def is_longer(self) -> bool:
        """Whether the latest outage is longer than those before it let expect."""
        before, last = self.outages[:-1], self.last.outage_s
        return last is not None and len(before) >= EARLIER and last > USUAL * max(before)


@dataclass(frozen=True)
class Change:
    """What of a lab was another version or setting than in its drill before.

    `at` is in seconds since 1970.
    """

    lab: str
    at: float
    lines: tuple[str, ...]


def read_results(folder: Path) -> tuple[tuple[DrillResult, ...], tuple[Path, ...]]:
    """Return the results in a folder in the order of time, and the files that are none.

    The latter were written by another version of halab, or by somebody else. What a drill that is
    not over has broken is neither.
    """
    found, others = [], []
    for path in sorted(folder.glob("*.json")):
        if path.name == OPEN:
            continue
        result = _read(path)
        if result is None:
            others.append(path)
        else:
            found.append(result)
    return tuple(sorted(found, key=lambda each: each.began)), tuple(others)


def _read(path: Path) -> DrillResult | None:
    """Return the result in a file; None where there is none, or nobody may read it."""
    try:
        # Who opens a pipe waits for somebody who writes.
        return DrillResult.model_validate_json(path.read_bytes()) if path.is_file() else None
    except (ValidationError, OSError):
        return None


def strands(results: Sequence[DrillResult]) -> tuple[Strand, ...]:
    """Put together what can be compared, by name."""
    alike = defaultdict(list)
    for result in results:
        active = any(machine.hit and machine.active_before for machine in result.machines)
        alike[result.lab, result.fault, not active].append(result)
    return tuple(
        Strand(lab, fault, not passive, tuple(found))
        for (lab, fault, passive), found in sorted(alike.items())
    )


def named_labs(found: Sequence[Strand]) -> frozenset[str]:
    """Return the labs that have to be named beside what is theirs: none where there is but one."""
    labs = frozenset(strand.lab for strand in found)
    return labs if len(labs) > 1 else frozenset()


def changes(results: Sequence[DrillResult]) -> tuple[Change, ...]:
    """Return when versions and settings of labs changed from one drill to the next."""
    told = sorted((each for each in results if each.environment), key=lambda each: each.lab)
    found = []
    for earlier, later in pairwise(told):
        if earlier.lab != later.lab:
            continue
        before, after = earlier.environment, later.environment
        lines = tuple(
            f"{name}: {before.get(name, 'not there')} → {after.get(name, 'not there')}"
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        )
        if lines:
            found.append(Change(later.lab, later.began, lines))
    return tuple(sorted(found, key=lambda change: change.at))

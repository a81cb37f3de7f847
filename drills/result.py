"""What a drill found out: everything that a report shows and a program may read (JSON)."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Literal, Self

from drills.probes import Attempt, Outage
from drills.times import Seconds
from inventory.frozen import Frozen
from inventory.model import Machine
from labs.roles import MachineRole, NetworkRole


class Answer(StrEnum):
    """The answer to a check. What could not be told never passes."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


def overall(answers: Collection[Answer]) -> Answer:
    """Return the worst answer; unknown when nothing was asked."""
    if Answer.FAIL in answers:
        return Answer.FAIL
    return Answer.PASS if set(answers) == {Answer.PASS} else Answer.UNKNOWN


class MarkKind(StrEnum):
    """Who or what a mark on the timeline comes from."""

    FAULT = "fault"
    HEAL = "heal"
    HYPERVISOR = "hypervisor"
    MEMBERSHIP = "membership"
    FENCING = "fencing"
    REPLICATION = "replication"
    RESOURCE = "resource"
    PROBLEM = "problem"
    STEP = "step"


class Mark(Frozen):
    """A moment of a drill: `at` in seconds since 1970 on the lab's clock."""

    at: Seconds
    machine: str
    kind: MarkKind
    text: str


class Phase(Frozen):
    """A part of the outage (detection, decision, fencing, promotion, start).

    `began` and `ended` are lab time, None where nobody logged them; `allowed_s` is its share of
    the budget in seconds.
    """

    name: str
    began: Seconds | None
    ended: Seconds | None
    allowed_s: Seconds


class Check(Frozen):
    """One question, its answer, what shows it, and the command to see it oneself."""

    question: str
    answer: Answer
    evidence: str
    command: str | None = None


class MachineSheet(Frozen):
    """A machine as the topology shows it."""

    name: str
    role: MachineRole
    addresses: dict[NetworkRole, str]
    active_before: bool
    active_after: bool
    hit: bool
    """Whether the fault was aimed at it."""

    @classmethod
    def of(
        cls, machine: Machine, before: Collection[str], after: Collection[str], hit: Collection[str]
    ) -> Self:
        """Return that of a machine; of each collection, names are those of machines."""
        return cls(
            name=machine.name,
            role=machine.role,
            addresses={role: str(nic.address) for role, nic in machine.interfaces.items()},
            active_before=machine.name in before,
            active_after=machine.name in after,
            hit=machine.name in hit,
        )


class DrillResult(Frozen):
    """One drill. All times are seconds since 1970 on the lab's clock, durations are seconds.

    `injected` is when the fault began, `healed` when it was taken back, `recovered` when the lab
    was healthy again; None for what did not happen. `replay` is the command that repeats the drill.
    Of an update (`kind`) they are when its first node's turn began, and its last one's ended.
    """

    version: Literal[2] = 2
    kind: Literal["drill", "update"] = "drill"
    lab: str
    fault: str
    title: str
    teaches: str
    targets: tuple[str, ...]
    seed: int
    replay: str
    platform: str
    accelerated: bool
    began: Seconds
    injected: Seconds | None
    healed: Seconds | None
    recovered: Seconds | None
    ended: Seconds
    service_url: str
    budget_s: Seconds
    outage: Outage | None
    phases: tuple[Phase, ...]
    marks: tuple[Mark, ...]
    attempts: tuple[Attempt, ...]
    checks: tuple[Check, ...]
    machines: tuple[MachineSheet, ...]
    environment: dict[str, str]
    """Versions and settings by name, as a reader of the report wants to see them."""

    @property
    def place(self) -> str:
        """Where the outage was, in words to append; nothing where one address alone was asked."""
        several = len({attempt.address for attempt in self.attempts}) > 1
        return f" at {self.outage.address}" if self.outage and several else ""

    @property
    def outage_s(self) -> float | None:
        """The outage in seconds; None where it could not be measured."""
        return self.outage.seconds if self.outage else None

    @property
    def measured(self) -> str:
        """The outage against what it may take, in words."""
        if self.outage is None:
            return "the outage could not be measured"
        return f"client outage{self.place} {self.outage.seconds:.1f} s of {self.budget_s:.1f} s"

    @property
    def answer(self) -> Answer:
        """Pass when every check passes and there is at least one; else the worst of them."""
        return overall([check.answer for check in self.checks])

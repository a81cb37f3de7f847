"""Waits until a lab is healthy, and no longer than that can be hoped for."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from core.saying import Say
from core.wait import wait_until
from inventory.model import Inventory
from inventory.record import Record
from parts.reasons import Reason
from status.collect import Observer
from status.model import LabStatus
from status.rules import judge

READ_EVERY_S = 2.0
"""Seconds between two readings at pace 1. A reading takes a second of an emulated guest's only
core: reading all the time would double the time that recovery takes."""

SELDOM = 5
"""So many times as long it is while the cluster is at work: long enough to cost that nothing, short
enough to tell what it is about, and when there is no hope."""


class Healthy(NamedTuple):
    """A lab that was seen to be healthy, and whose connections showed it: they are still open."""

    status: LabStatus
    observer: Observer


def wait_healthy(
    inventory: Inventory,
    timeout: float,
    on_change: Say = lambda _: None,
    *,
    record: Record | None = None,
    patience_s: float = 0.0,
    known: Collection[str] | None = None,
    observer: Observer | None = None,
) -> LabStatus:
    """Read the lab until nothing is wrong with it and return its status; `timeout` in seconds.

    `on_change` hears a sentence each time the situation changes. What only a person can end, or
    what ends by itself only after the timeout, ends the wait as soon as it was seen twice, and for
    `patience_s` at least. With `known`, what is past counts too, unless it was known before. An
    `observer` that has connections already lends them, and knows the record.
    Raises WaitTimeout with the reasons that were left, and WaitFailed when there is no hope.
    """
    lab = inventory.lab
    hope = _Hope(time.monotonic() + timeout, patience_s, known)

    def hint(look: _Look | None) -> str:
        commands = [each.command for each in look.status.remedies] if look else []
        return "\n".join((*commands, f"`./halab status {lab}` shows all of it"))

    with Observer(inventory, record) if observer is None else nullcontext(observer) as reader:
        return wait_until(
            _Patient(reader, READ_EVERY_S * inventory.timing.pace).read,
            lambda look: not hope.wrong(look),
            what=f"lab {lab} healthy",
            timeout=timeout,
            failed=hope.lost,
            describe=lambda look: _summary(look, hope),
            on_change=on_change,
            hint=hint,
        ).status


@dataclass(frozen=True)
class _Look:
    """One reading and what follows from it; `at` on the monotonic clock."""

    status: LabStatus
    reasons: tuple[Reason, ...]
    at: float


class _Hope:
    """Remembers since when things are wrong that do not end in time."""

    def __init__(self, deadline: float, patience_s: float, known: Collection[str] | None) -> None:
        self._deadline = deadline
        self._patience_s = patience_s
        self._known = known
        self._since: dict[str, float] = {}

    def wrong(self, look: _Look) -> list[Reason]:
        """Return what keeps the wait from its end."""
        return [reason for reason in look.reasons if not reason.past or self._is_news(reason)]

    def lost(self, look: _Look) -> str | None:
        """Say what will not end in time; None while there is hope."""
        left_s = self._deadline - look.at
        stubborn = [reason for reason in self.wrong(look) if reason.lasts_s > left_s]
        self._since = {
            reason.sentence: self._since.get(reason.sentence, look.at) for reason in stubborn
        }
        lost = [reason.sentence for reason in stubborn if self._is_settled(reason, look.at)]
        return f"{'; '.join(lost)}: this does not end by itself in time" if lost else None

    def _is_news(self, reason: Reason) -> bool:
        return self._known is not None and reason.sentence not in self._known

    def _is_settled(self, reason: Reason, now: float) -> bool:
        seen_s = now - self._since[reason.sentence]
        return seen_s > 0 and seen_s >= max(reason.settles_s, self._patience_s)


def _summary(look: _Look, hope: _Hope) -> str:
    wrong = [reason.sentence for reason in hope.wrong(look)]
    return look.status.model_copy(update={"healthy": not wrong, "reasons": tuple(wrong)}).summary()


class _Patient:
    """Reads a lab at most every `interval` seconds, or as soon as its service begins to answer.

    While the cluster is at work, it reads it more seldom. What comes between is the last reading
    again: there is no health without the service or before the cluster has done what it has to,
    and to ask for both is cheap.
    """

    def __init__(self, observer: Observer, interval: float) -> None:
        self._observer = observer
        self._interval = interval
        self._last: _Look | None = None
        self._asked = 0.0

    def read(self) -> _Look:
        """Return a look at the lab, a few seconds old at most where the cluster rests."""
        last = self._last
        if last is None or self._is_due(last) or self._has_come_back(last.status):
            status, seen = self._observer.read_both()
            reasons = judge(self._observer.parts, seen)
            self._asked = time.monotonic()
            last = self._last = _Look(status, reasons, self._asked)
        return last

    def _is_due(self, last: _Look) -> bool:
        now = time.monotonic()
        if now - self._asked < self._interval:
            return False
        self._asked = now
        seldom = SELDOM * self._interval
        return now - last.at >= seldom or not self._observer.at_work(last.status.dc)

    def _has_come_back(self, last: LabStatus) -> bool:
        return not last.answers and self._observer.services_answer()

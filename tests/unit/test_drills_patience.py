"""A drill waits for what its fault brings about, at each address, and no longer than it has to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drills import patience
from drills.catalogue import find
from drills.clock import LabClock
from drills.expectations import Expected
from drills.order import Order, Stake
from drills.patience import Patience
from drills.probes import Attempt, Probe
from drills.site import Site
from parts.services.base import ServicePart
from status.model import LabStatus
from status.problems import Alarm
from tests.unit import sample_findings as story
from tests.unit import sample_mirror as mirror
from tests.unit import sample_visit as trio
from tests.unit.sample_findings import FAULT, probe
from tests.unit.situations import situation
from tests.unit.sketched import MIRROR, STORY, TRIO
from wire.pacemaker import FenceEvent

NOW = FAULT + 60


class Heard:
    """An audience that remembers how long the service was silent."""

    def __init__(self) -> None:
        self.silent: list[float] = []

    def phase(self, name: str) -> None: ...

    def say(self, sentence: str) -> None: ...

    def service(self, silent_s: float, allowed_s: float) -> None:
        self.silent.append(silent_s)


class Lab:
    """A lab that is read as a test says, the last look again and again."""

    def __init__(self, looks: list[LabStatus], fenced: object) -> None:
        self.looks, self.read, self.fenced = looks, 0, fenced

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read_both(self) -> tuple[LabStatus, Any]:
        look = self.looks[min(self.read, len(self.looks) - 1)]
        self.read += 1
        return look, SimpleNamespace(cluster=SimpleNamespace(fence_events=self.fenced))


def settled(*addresses: str) -> Iterator[Attempt]:
    """Yield what a client tried whose service was away at the first address, and is back."""
    for second in range(30):
        for address in addresses:
            away = address == addresses[0] and second < 10
            yield probe(FAULT + 1 + second, ok=not away, address=address)


def waiting(
    part: ServicePart, expected: Expected, before: object, *targets: str, tried: tuple[Attempt, ...]
) -> tuple[Patience, Heard]:
    heard = Heard()
    site = cast(Site, SimpleNamespace(inventory=part.inventory))
    drill = replace(find("power-off", TRIO), hold_s=0.0)
    order = Order(
        *(site, part, drill, heard, "active", targets, 1),
        *(cast(Any, before), replace(expected, alarms=frozenset())),
    )
    clock = cast(LabClock, SimpleNamespace(now=lambda: NOW))
    client = cast(Probe, SimpleNamespace(recent=lambda: tried))
    return Patience(order, clock, (client,), FAULT), heard


def looks_needed(
    monkeypatch: pytest.MonkeyPatch, made: Patience, looks: list[LabStatus], fenced: object
) -> int:
    """Return how often the lab was looked at until what had to happen had happened."""
    lab = Lab(looks, fenced)
    monkeypatch.setattr(patience, "Observer", lambda _: lab)
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    monkeypatch.setattr("core.wait.time.monotonic", lambda: float(lab.read))
    made.await_consequences()
    return lab.read


def visiting(tried: tuple[Attempt, ...] | None = None) -> tuple[Patience, Heard]:
    tried = tuple(settled(trio.ONE, trio.TWO, trio.THREE)) if tried is None else tried
    return waiting(trio.PART, trio.EXPECTED, trio.BEFORE, "node1", tried=tried)


HOME = trio.status(*trio.NODES)
NOWHERE = trio.status("nobody", "node2", "node3")
AWAY = trio.status("node3", "node2", "node3")
FENCED = tuple(trio.AFTER.fence_events)


class TestVisits:
    def test_the_address_of_a_lost_node_is_waited_for_elsewhere(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = [HOME, NOWHERE, AWAY, HOME]
        assert looks_needed(monkeypatch, visiting()[0], looks, FENCED) == 3

    def test_fencing_is_waited_for_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        patience_s = trio.PART.timing.healthy_wait_s
        assert looks_needed(monkeypatch, visiting()[0], [AWAY], ()) >= patience_s

    def test_a_node_that_was_quicker_than_we_looked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        back = trio.status(*trio.NODES, boots={"node1": "second"})
        assert looks_needed(monkeypatch, visiting()[0], [HOME, back], FENCED) == 2

    def test_another_nodes_boot_proves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        other = trio.status(*trio.NODES, boots={"node2": "second"})
        looks = [other, other, AWAY]
        assert looks_needed(monkeypatch, visiting()[0], looks, FENCED) == 3


class TestMoves:
    def test_the_service_is_waited_for_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = tuple(settled(story.WHERE))
        part = STORY.first_service
        made, _ = waiting(part, story.POWER_LOSS, story.BEFORE, "node1", tried=tried)
        booted = story.status("node1", {"node1": "second"})
        looks = [story.status("node1", {}), booted, story.AFTER.status]
        fenced = tuple(story.AFTER.fence_events)
        assert looks_needed(monkeypatch, made, looks, fenced) == 3


class TestSeveralServices:
    """The records are lost with node2, while the pages on node1 notice nothing."""

    def waiting(self, pages: tuple[Attempt, ...], records: tuple[Attempt, ...]) -> Patience:
        drill = replace(find("power-off", MIRROR), hold_s=0.0)
        stakes = [
            Stake(
                MIRROR.services[name],
                replace(
                    drill.expected(situation(MIRROR, "node2", service=name)), alarms=frozenset()
                ),
            )
            for name in ("pages", "records")
        ]
        order = Order(
            site=cast(Site, SimpleNamespace(inventory=MIRROR.inventory)),
            part=stakes[0].part,
            drill=drill,
            audience=Heard(),
            word="node2",
            targets=("node2",),
            seed=1,
            before=mirror.BEFORE,
            expected=stakes[0].expected,
            beside=(stakes[1],),
        )
        clock = cast(LabClock, SimpleNamespace(now=lambda: NOW))
        clients = [SimpleNamespace(recent=lambda tried=tried: tried) for tried in (pages, records)]
        return Patience(order, clock, cast(Any, tuple(clients)), FAULT)

    LOST = (FenceEvent("node2", "reboot", "success", "now"),)
    CALM = tuple(probe(FAULT + second, address=mirror.ONE) for second in range(60))

    def test_who_was_hit_is_waited_for_although_the_first_is_calm(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = self.waiting(self.CALM, tuple(settled(mirror.TWO)))
        there = mirror.status("node1", "node2")
        looks = [there, mirror.status("node1", "nobody"), mirror.status("node1", "node1"), there]
        assert looks_needed(monkeypatch, made, looks, self.LOST) == 3

    def test_silence_is_that_of_the_service_that_is_away(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        away = (*settled(mirror.TWO), probe(NOW - 12, address=mirror.TWO))
        made = self.waiting((*self.CALM, probe(NOW - 1, address=mirror.ONE)), tuple(away))
        looks_needed(monkeypatch, made, [mirror.status("node1", "node1")], self.LOST)
        heard = cast(Heard, made.order.audience)
        assert heard.silent[-1] == pytest.approx(12)


class TestSilence:
    def last_heard(self, monkeypatch: pytest.MonkeyPatch, tried: tuple[Attempt, ...]) -> float:
        made, heard = visiting(tried)
        looks_needed(monkeypatch, made, [AWAY], FENCED)
        return heard.silent[-1]

    def test_it_is_that_of_the_address_that_was_silent_longest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = {trio.ONE: NOW - 1, trio.TWO: NOW - 12, trio.THREE: NOW - 2}
        tried = tuple(settled(*answers))
        tried += tuple(probe(at, address=address) for address, at in answers.items())
        assert self.last_heard(monkeypatch, tried) == pytest.approx(12)

    def test_an_address_that_has_not_answered_since_the_fault(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried = tuple(a for a in settled(trio.ONE, trio.TWO) if a.wall < NOW)
        assert self.last_heard(monkeypatch, tried) == pytest.approx(NOW - FAULT)


class TestHold:
    def test_what_is_complained_of_lasts_until_the_monitoring_has_come_round(self) -> None:
        part = STORY.first_service
        made, _ = waiting(part, story.POWER_LOSS, story.BEFORE, "node1", tried=())
        alarms = frozenset({Alarm.REPLICATION_DISCONNECTED})
        expected = replace(story.POWER_LOSS, alarms=alarms, reasons=("^replication",))
        made.order = replace(made.order, expected=expected)
        round_s = patience.ROUNDS_TO_SEE * part.inventory.observe_every_s
        assert made._seen_at == FAULT + round_s
        made.shown = FAULT + 14
        assert made._seen_at == FAULT + 14 + round_s

    def test_what_is_told_at_once_needs_no_time_of_its_own(self) -> None:
        part = STORY.first_service
        made, _ = waiting(part, story.POWER_LOSS, story.BEFORE, "node1", tried=())
        made.order = replace(made.order, expected=story.POWER_LOSS)
        made.shown = FAULT + 60
        assert made._seen_at == FAULT + patience.ROUNDS_TO_SEE * part.inventory.observe_every_s

"""A whole drill on a lab of cardboard: what the runner does, in which order, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.folders import LabFolder
from core.wait import WaitTimeout
from drills import healing, patience, readiness, runner, witnesses
from drills.catalogue import find
from drills.drill import Drill
from drills.faults.base import Fault
from drills.power import Power
from drills.result import Answer, DrillResult, MarkKind
from drills.site import Nobody, Site
from inventory.record import LabRecord
from tests.unit.sample_findings import AFTER, ATTEMPTS, BEFORE, FAULT, FLAWLESS, status
from tests.unit.sketched import sketched
from wire.pacemaker import FenceEvent

SLOW = sketched("story", platform={"pace": "emulation"}, monitoring=False)
"""The cardboard lab has no monitoring: whoever raises alarms has tests of its own."""
RECORD = cast(LabRecord, SimpleNamespace(platform="libvirt (private)", accelerated=False))


class Cardboard:
    """A lab that plays a flawless failover, and notes what is asked of it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.now = FAULT
        self.recovers = True

    def inject(self, _: object) -> None:
        self.done.append("break")

    def heal(self, _: object) -> None:
        self.done.append("heal")
        self.now = FAULT + 60

    @contextmanager
    def watched(self, log: Path) -> Iterator[Any]:
        log.write_text("")
        yield SimpleNamespace(events=lambda: FLAWLESS.events)

    @contextmanager
    def probing(self, _: object) -> Iterator[Any]:
        self.done.append("client starts")
        yield SimpleNamespace(
            run="run",
            recent=lambda: ATTEMPTS,
            stop=self._stop,
            sightings=lambda: FLAWLESS.sightings,
        )

    def _stop(self) -> object:
        self.done.append("client stops")
        return ATTEMPTS

    def wait_healthy(self, *_: object, **__: object) -> None:
        self.done.append("healthy" if self.recovers else "sick")
        if not self.recovers:
            raise WaitTimeout("lab healthy: not reached", detail="last state: node1 is in standby")

    def snapshot(self, _: object) -> object:
        return AFTER if "heal" in self.done else BEFORE


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Cardboard:
    made = Cardboard()

    class Observer:
        def __init__(self, _: object) -> None: ...
        def __enter__(self) -> Observer:
            return self

        def __exit__(self, *_: object) -> None: ...
        def read(self) -> object:
            return AFTER.status

        def read_both(self) -> object:
            return AFTER.status, SimpleNamespace(
                cluster=SimpleNamespace(fence_events=tuple(AFTER.fence_events))
            )

    clock = SimpleNamespace(now=lambda: made.now, here=lambda at: at, ahead=0.0)
    replaced: dict[str, Any] = {
        "LabClock": lambda _: clock,
        "Observer": Observer,
        "probing": made.probing,
        "snapshot": made.snapshot,
        "wait_healthy": made.wait_healthy,
        "clear_ledger": lambda _, node, run: made.done.append(f"clear {run} on {node.name}"),
        "collect": lambda _: AFTER.status,
        "read_ledger": lambda *_: FLAWLESS.entries,
        "collect_evidence": lambda folder, *_: folder.logs / "kept",
    }
    for name, value in replaced.items():
        users = [
            module for module in (healing, runner, patience, readiness) if hasattr(module, name)
        ]
        assert users, name
        for module in users:
            monkeypatch.setattr(module, name, value)
    for name, value in {
        "cursors": {},
        "environment": {"pacemaker": "3.0.0"},
        "configurations": FLAWLESS.configurations,
        "journals": FLAWLESS.journals,
        "out_of_sync": FLAWLESS.out_of_sync,
    }.items():
        monkeypatch.setattr(witnesses, name, lambda *_, _value=value: _value)
    return made


def drill(lab: Cardboard) -> Drill:
    return replace(find("power-off", SLOW), fault=Fault(lab.inject, lab.heal))


def rehearse(lab: Cardboard, tmp_path: Path, entry: Drill | None = None) -> runner.Kept:
    site = Site(LabFolder(tmp_path / "story"), SLOW.inventory, RECORD, cast(Power, lab))
    return runner.run(site, entry or drill(lab), Nobody(), seed=7)


def test_a_drill_from_the_healthy_lab_to_the_verdict(lab: Cardboard, tmp_path: Path) -> None:
    kept = rehearse(lab, tmp_path)
    assert lab.done == [
        "client starts",
        "break",
        "heal",
        "healthy",
        "client stops",
        "clear run on node2",
    ]
    result = kept.result
    assert result.answer is Answer.PASS, [c for c in result.checks if c.answer is not Answer.PASS]
    assert (result.targets, result.seed) == (("node1",), 7)
    assert result.replay == "./halab drill story power-off --target active --seed 7"
    assert [phase.name for phase in result.phases if phase.ended] == [
        *("detection", "decision", "fencing", "promotion", "start")
    ]
    kinds = {mark.kind for mark in result.marks}
    assert {MarkKind.FAULT, MarkKind.HEAL, MarkKind.HYPERVISOR, MarkKind.FENCING} <= kinds
    [hit] = [sheet.name for sheet in result.machines if sheet.hit]
    assert hit == "node1"


def test_the_result_is_kept_as_json(lab: Cardboard, tmp_path: Path) -> None:
    kept = rehearse(lab, tmp_path)
    assert kept.path.parent == tmp_path / "story" / "drills"
    assert kept.path.name.endswith("-power-off-7.json")
    assert DrillResult.model_validate_json(kept.path.read_text()) == kept.result
    assert not (kept.path.parent / "open.json").exists()


def test_a_lab_that_does_not_recover_fails_the_drill(lab: Cardboard, tmp_path: Path) -> None:
    lab.recovers = False
    kept = rehearse(lab, tmp_path)
    result = kept.result
    assert result.recovered is None
    assert kept.evidence == tmp_path / "story" / "logs" / "kept"
    [bad] = [check for check in result.checks if check.answer is not Answer.PASS]
    assert (bad.question, bad.evidence) == (
        "Is the lab healthy again?",
        "last state: node1 is in standby",
    )


def test_a_witness_that_breaks_down_makes_a_check_unknown(
    lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(runner, "read_ledger", silent)
    result = rehearse(lab, tmp_path).result
    assert result.answer is Answer.UNKNOWN


def test_fencing_that_was_there_before_does_not_count(
    lab: Cardboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = frozenset({FenceEvent("node1", "reboot", "success", "yesterday")})
    before = replace(BEFORE, fence_events=old)
    after = replace(AFTER, fence_events=old, status=status("node2", {"node1": "second"}))
    for module in (runner, readiness):
        monkeypatch.setattr(module, "snapshot", lambda _: after if "heal" in lab.done else before)
    result = rehearse(lab, tmp_path).result
    assert "Was fenced, with success: node1?" in [
        check.question for check in result.checks if check.answer is Answer.FAIL
    ]

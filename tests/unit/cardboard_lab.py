"""A lab of cardboard: it plays what is told of a drill, and notes what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.wait import WaitTimeout
from drills import healing, patience, readiness, runner, witnesses
from drills.findings import Findings
from drills.snapshot import Snapshot
from parts.services.base import ServicePart


class Cardboard:
    """A lab in which these findings are made; `before` is how it is found.

    `left` are the runs of clients that an earlier command has left.
    """

    def __init__(self, findings: Findings) -> None:
        assert findings.after is not None
        self.findings = findings
        self.before: Snapshot = findings.before
        self.after: Snapshot = findings.after
        self.done: list[str] = []
        self.now = findings.injected
        self.recovers = True
        self.left: tuple[str, ...] = ()

    def inject(self, _: object) -> None:
        self.done.append("break")

    def heal(self, _: object) -> None:
        self.done.append("heal")
        self.now += 20

    @contextmanager
    def watched(self, log: Path) -> Iterator[Any]:
        log.write_text("")
        yield SimpleNamespace(events=lambda: self.findings.events)

    @contextmanager
    def probing(self, part: ServicePart, *_: object) -> Iterator[Any]:
        self.done.append(f"client of {part.service.name} starts")
        told = self._told_of(part)
        yield SimpleNamespace(
            recent=lambda: told.attempts,
            stop=lambda: self._stop(told),
            sightings=lambda: told.sightings,
        )

    def _told_of(self, part: ServicePart) -> Findings:
        """Return what is told of a service, or else of the first."""
        names = {each.part.service.name: each for each in self.findings.of_services}
        return names.get(part.service.name, self.findings)

    def _stop(self, told: Findings) -> object:
        self.done.append("client stops")
        return told.attempts

    def wait_healthy(self, *_: object, **__: object) -> None:
        self.done.append("healthy" if self.recovers else "sick")
        if not self.recovers:
            raise WaitTimeout("lab healthy: not reached", detail="last state: node1 is in standby")

    def snapshot(self, _: object) -> object:
        return self.after if "heal" in self.done else self.before

    def clear_ledger(self, part: ServicePart, node: Any, run: str) -> None:
        whose = run if run in self.left else "run"
        self.done.append(f"clear {whose} of {part.service.name} on {node.name}")

    def play(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have drills ask this lab instead of a real one."""
        after = self.after

        class Observer:
            def __init__(self, _: object) -> None: ...
            def __enter__(self) -> Observer:
                return self

            def __exit__(self, *_: object) -> None: ...
            def read(self) -> object:
                return after.status

            def read_both(self) -> object:
                events = tuple(after.fence_events)
                return after.status, SimpleNamespace(cluster=SimpleNamespace(fence_events=events))

        clock = SimpleNamespace(now=lambda: self.now, here=lambda at: at, ahead=0.0)
        replaced: dict[str, Any] = {
            "LabClock": lambda _: clock,
            "Observer": Observer,
            "probing": self.probing,
            "running": lambda _: self.left,
            "forget": lambda _, run: self.done.append(f"clients of {run} are ended"),
            "snapshot": self.snapshot,
            "wait_healthy": self.wait_healthy,
            "clear_ledger": self.clear_ledger,
            "collect": lambda _: after.status,
            "read_ledger": lambda part, *_: self._told_of(part).entries,
            "collect_evidence": lambda folder, *_: folder.logs / "kept",
        }
        for name, value in replaced.items():
            modules = (healing, runner, patience, readiness)
            users = [module for module in modules if hasattr(module, name)]
            assert users, name
            for module in users:
                monkeypatch.setattr(module, name, value)
        for name, value in {
            "cursors": {},
            "environment": {"pacemaker": "3.0.0"},
            "configurations": self.findings.configurations,
            "journals": self.findings.journals,
            "out_of_sync": self.findings.out_of_sync,
        }.items():
            monkeypatch.setattr(witnesses, name, lambda *_, _value=value: _value)

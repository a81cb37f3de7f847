"""All clocks of a lab are set together, or not at all."""

from __future__ import annotations

import re
import subprocess
import time
from types import SimpleNamespace
from typing import cast

import pytest

from inventory.model import Machine
from machines import clock
from machines.clock import set_clocks
from machines.remote import Remote, RemoteUnreachable
from tests.unit.healthy_lab import INVENTORY

NOW = 1_800_000_000.0


class Guests:
    """Clocks by machine, how far behind ours; and who does not answer at first."""

    def __init__(self, **behind: float) -> None:
        self.behind = behind
        self.asleep: dict[str, int] = {}
        self.done: list[str] = []

    @property
    def remotes(self) -> list[Remote]:
        return [cast(Remote, FakeRemote(machine, self)) for machine in INVENTORY.machines]


class FakeRemote:
    def __init__(self, machine: Machine, guests: Guests) -> None:
        self.machine, self.name, self._guests = machine, machine.name, guests

    def run(self, command: str) -> SimpleNamespace:
        if self._guests.asleep.get(self.name, 0) > 0:
            self._guests.asleep[self.name] -= 1
            raise RemoteUnreachable(f"{self.name} cannot be reached")
        if step := re.fullmatch(r"date -u -s '([+-][\d.]+) seconds'", command):
            self._guests.behind[self.name] -= float(step[1])
            self._guests.done.append("step")
        elif command == clock.FORGET:
            self._guests.done.append("forget")
        return SimpleNamespace(stdout=f"{NOW - self._guests.behind[self.name]}")


@pytest.fixture
def guests(monkeypatch: pytest.MonkeyPatch) -> Guests:
    found = Guests(node1=3600.01, node2=3600.02, monitor=3600.0)
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    return found


def test_all_are_stepped_by_what_the_monitor_lags(guests: Guests) -> None:
    assert set_clocks(guests.remotes) == pytest.approx(3600)
    assert guests.behind == pytest.approx({"node1": 0.01, "node2": 0.02, "monitor": 0}, abs=1e-6)


def test_what_was_heard_while_clocks_were_stepped_is_forgotten_when_all_have_been(
    guests: Guests,
) -> None:
    set_clocks(guests.remotes)
    count = len(guests.remotes)
    assert guests.done == ["step"] * count + ["forget"] * count


def test_a_clock_that_is_ahead_is_set_back(guests: Guests) -> None:
    guests.behind = {"node1": -5.0, "node2": -5.0, "monitor": -5.0}
    assert set_clocks(guests.remotes) == pytest.approx(-5)
    assert guests.behind["node1"] == pytest.approx(0)


def test_clocks_that_are_right_are_left_alone(guests: Guests) -> None:
    guests.behind = before = {"node1": 0.1, "node2": 0.1, "monitor": 0.1}
    assert set_clocks(guests.remotes) == 0
    assert guests.behind == before


@pytest.mark.parametrize("seconds", [3600.25, -0.5, 1e-7, 98765432.125])
def test_a_step_is_read_as_it_is_meant(seconds: float) -> None:
    reckoned = f"{clock.STEP.format(seconds=seconds).replace(' -s ', ' -d ')} +%s.%N"
    before = time.time()
    done = subprocess.run(["/bin/sh", "-c", reckoned], capture_output=True, text=True, check=True)
    assert before - 0.01 <= float(done.stdout) - seconds <= time.time() + 0.01


def test_a_machine_that_has_just_been_resumed_gets_a_moment_to_answer(guests: Guests) -> None:
    guests.asleep = {"node2": 3}
    set_clocks(guests.remotes)
    assert guests.behind["node2"] == pytest.approx(0.02, abs=1e-6)

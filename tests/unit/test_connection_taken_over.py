"""A connection is handed on: who asks next goes on with it, and who opened it has none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from machines.remote import Remote
from tests.unit.healthy_lab import INVENTORY

MACHINE = INVENTORY.machines[0]


class Wire:
    """An open connection, and what was asked over it."""

    def __init__(self, opened_by: Remote) -> None:
        self.opened_by, self.is_connected, self.asked = opened_by, True, list[str]()

    def run(self, command: str, **_: object) -> SimpleNamespace:
        self.asked.append(command)
        return SimpleNamespace(return_code=0, stdout="", stderr="")

    def close(self) -> None:
        self.is_connected = False


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    wires: list[Wire] = []

    def open_one(remote: Remote) -> Wire:
        wires.append(Wire(remote))
        return wires[-1]

    monkeypatch.setattr(Remote, "_open", open_one)
    return wires


def test_who_takes_over_needs_no_login(opened: list[Wire]) -> None:
    with Remote(MACHINE) as later:
        with Remote(MACHINE) as first:
            first.run("one")
            later.take_over(first)
        later.run("two")
        [wire] = opened
        assert wire.asked == ["one", "two"]
    assert not wire.is_connected


def test_who_gave_it_away_logs_in_again(opened: list[Wire]) -> None:
    first, later = Remote(MACHINE), Remote(MACHINE)
    first.run("one")
    later.take_over(first)
    first.run("two")
    assert [wire.opened_by for wire in opened] == [first, first]


def test_what_one_had_is_closed(opened: list[Wire]) -> None:
    first, later = Remote(MACHINE), Remote(MACHINE)
    later.run("before")
    first.run("one")
    later.take_over(first)
    assert [wire.is_connected for wire in opened] == [False, True]

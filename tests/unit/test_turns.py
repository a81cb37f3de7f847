"""Machines take their turn: a node leaves its cluster with what it runs, the monitor just goes."""

from __future__ import annotations

from typing import Any

import pytest

from cli import turns
from parts.all import Parts
from tests.unit.sketched import STORY, TRIO, name_of

ALL_OFF = turns.Power(lambda: {"node1": "off", "monitor": "off"}, "off")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Catch what machines are told; they are off at once."""
    commands: list[str] = []

    class Remote:
        def __init__(self, _: object) -> None: ...
        def __enter__(self) -> Remote:
            return self

        def __exit__(self, *_: object) -> None: ...
        def run(self, command: str, **_: Any) -> None:
            commands.append(command)

    monkeypatch.setattr(turns, "Remote", Remote)
    return commands


@pytest.mark.parametrize(
    ("parts", "members"),
    [(STORY, "corosync-qdevice corosync"), (TRIO, "corosync")],
    ids=lambda value: name_of(value) if isinstance(value, Parts) else "",
)
def test_a_node_leaves_in_good_order(told: list[str], parts: Parts, members: str) -> None:
    lab = parts.inventory
    turns.shut_down(lab.machine("node1"), lab, ALL_OFF)
    assert told == [
        f"systemctl stop pacemaker\nsystemctl stop {members}",
        "systemctl poweroff --no-block",
    ]


def test_the_monitor_is_no_member(told: list[str]) -> None:
    turns.shut_down(STORY.inventory.monitor, STORY.inventory, ALL_OFF)
    assert told == ["systemctl poweroff --no-block"]


def test_all_nodes_that_serve_come_after_the_monitor() -> None:
    everybody = [machine.name for machine in TRIO.inventory.machines]
    order = turns.in_order(TRIO.inventory, everybody, {"node1", "node2"})
    assert order == ["monitor", "node3", "node1", "node2"]

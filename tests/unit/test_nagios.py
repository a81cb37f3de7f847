"""A lab's status as a plugin: exit status, words and performance data."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from cli.nagios import CRITICAL, OK, UNKNOWN, WARNING, plugin_line
from status.collect import describe
from status.model import LabStatus, MonitoringState
from status.problems import Alarm, Problem, Severity
from tests.unit.healthy_lab import HEALTHY, INVENTORY

PROBLEM = Problem(
    alarm=Alarm.LINK_DOWN,
    name="Cluster link 0 of node1 is down",
    host="node1",
    severity=Severity.AVERAGE,
    since=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
)


def lab(**changes: Any) -> LabStatus:
    found = describe(INVENTORY, HEALTHY, None)
    base = {"monitoring": MonitoringState.ANSWERS, "problems": ()}
    return found.model_copy(update={**base, **changes})


def silent_service() -> LabStatus:
    found = lab()
    return lab(service=found.service.model_copy(update={"answers": False}))


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (lab(), OK, "healthy"),
        (lab(problems=(PROBLEM,)), WARNING, "node1: Cluster link 0 of node1 is down"),
        (lab(healthy=False, reasons=("a | b",)), WARNING, "a / b"),
        (silent_service(), CRITICAL, "does not answer"),
        (lab(quorum=None), CRITICAL, "no quorum"),
        (silent_service().model_copy(update={"quorum": None}), UNKNOWN, "can be asked"),
        (lab(monitoring=MonitoringState.UNREACHABLE, problems=None), UNKNOWN, "monitoring"),
        (lab(monitoring=MonitoringState.OFF, problems=None), OK, "healthy"),
    ],
)
def test_one_line_says_it_all(status: LabStatus, code: int, words: str) -> None:
    found, line = plugin_line(status)
    assert (found, words in line) == (code, True), line
    assert "\n" not in line
    assert line.count("|") == 1


def test_performance_data_can_be_drawn() -> None:
    performance = plugin_line(lab(problems=(PROBLEM,)))[1].partition("| ")[2]
    assert performance == "problems=1;;;0 reasons=0;;;0 votes=3;;;0;3 links=4;;;0;4"

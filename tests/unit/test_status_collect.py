"""All machines are read with one command each; one that does not answer is a finding."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import ClassVar

import pytest

from core.errors import CommandError
from core.wait import WaitTimeout
from inventory.model import Machine
from provisioning.remote import RemoteUnreachable, Result
from status import collect as collecting
from status.collect import collect
from status.health import wait_healthy
from status.model import NodeState
from status.reading import monitor_script, node_script, parse_monitor, parse_node
from tests.unit.healthy_lab import FIXTURES, INVENTORY


class FakeRemote:
    """Answers what a healthy lab answered, unless a test says otherwise."""

    faults: ClassVar[dict[str, Exception]] = {}
    commands: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, machine: Machine, *, connect_timeout: float) -> None:
        self.machine = machine

    def run(self, command: str, *, timeout: float) -> Result:
        FakeRemote.commands.append((self.machine.name, command))
        if self.machine.name in self.faults:
            raise self.faults[self.machine.name]
        return Result((FIXTURES / f"captured-{self.machine.name}.txt").read_text(), "", 0)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def remotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "Remote", FakeRemote)
    monkeypatch.setattr(FakeRemote, "faults", {})
    monkeypatch.setattr(FakeRemote, "commands", [])


def test_a_healthy_lab_costs_one_round_trip_a_machine() -> None:
    status = collect(INVENTORY)
    assert status.reasons == ()
    assert status.healthy
    assert sorted(name for name, _ in FakeRemote.commands) == ["monitor", "node1", "node2"]


@pytest.mark.parametrize(
    "fault",
    [RemoteUnreachable("node2 cannot be reached"), CommandError("script", status=None)],
    ids=["no connection", "a connection that died"],
)
def test_a_machine_that_does_not_answer_is_a_finding(fault: Exception) -> None:
    FakeRemote.faults["node2"] = fault
    status = collect(INVENTORY)
    assert "node2 does not answer over ssh" in status.reasons
    [node2] = [node for node in status.nodes if node.name == "node2"]
    assert node2.state is NodeState.UNREACHABLE and node2.boot_id is None


def test_waiting_ends_with_the_last_reason() -> None:
    FakeRemote.faults["node2"] = RemoteUnreachable("node2 cannot be reached")
    heard: list[str] = []
    with pytest.raises(WaitTimeout, match="node2 does not answer over ssh"):
        wait_healthy(INVENTORY, 0, heard.append)
    assert heard == ["node2 does not answer over ssh"]


def test_waiting_returns_the_healthy_status() -> None:
    assert wait_healthy(INVENTORY, 0).healthy


@pytest.mark.parametrize(
    ("script", "parse"),
    [(node_script(INVENTORY), parse_node), (monitor_script(INVENTORY), parse_monitor)],
    ids=["node", "monitor"],
)
def test_the_script_survives_a_machine_without_any_of_the_tools(
    script: str, parse: Callable[[str], object]
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/nonexistent"},
    )
    parse(done.stdout)


def test_waiting_leaves_the_nodes_alone_while_the_service_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three looks: the service is away, still away, back. The nodes are read at the ends."""
    answers = iter(["000", "000", "200", "200"])

    def monitor_says(self: FakeRemote, command: str, *, timeout: float) -> Result:
        FakeRemote.commands.append((self.machine.name, command))
        text = (FIXTURES / f"captured-{self.machine.name}.txt").read_text()
        if self.machine.name == "monitor":
            text = text.replace("\n200", f"\n{next(answers)}")
        return Result(text, "", 0)

    monkeypatch.setattr(FakeRemote, "run", monitor_says)
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    assert wait_healthy(INVENTORY, 60).healthy
    asked = [name for name, _ in FakeRemote.commands]
    assert (asked.count("monitor"), asked.count("node1")) == (4, 2)

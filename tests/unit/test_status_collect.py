"""All machines are read with one command each; one that does not answer is a finding."""

from __future__ import annotations

import subprocess
from typing import ClassVar

import pytest

from core.errors import CommandError
from core.wait import WaitFailed, WaitTimeout
from inventory.model import Machine
from machines.remote import RemoteUnreachable, Result
from parts.all import Parts
from parts.seen import NodeState, Seen
from status import collect as collecting
from status.collect import collect
from status.health import wait_healthy
from status.reading import monitor_script, node_script, parse_monitor, parse_node
from tests.unit.broken_lab import seen_by_cluster, situation, with_disk
from tests.unit.healthy_lab import FIXTURES, HEALTHY, INVENTORY
from tests.unit.sketched import LABS, name_of
from wire.pacemaker import FailCount


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


def test_who_is_answered_is_asked_of_the_monitor_alone() -> None:
    [service] = INVENTORY.services
    with collecting.Observer(INVENTORY) as observer:
        assert observer.answering() == {address.ip for address in service.addresses}
        assert observer.services_answer()
    assert {name for name, _ in FakeRemote.commands} == {"monitor"}


def test_a_monitor_that_cannot_be_asked_tells_of_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeRemote, "faults", {"monitor": RemoteUnreachable("monitor is away")})
    with collecting.Observer(INVENTORY) as observer:
        assert observer.answering() == frozenset()
        assert not observer.services_answer()


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


def bare(script: str) -> str:
    """Return what a script prints on a machine without any of the tools."""
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/nonexistent"},
    )
    return done.stdout


@pytest.mark.parametrize("parts", LABS, ids=name_of)
def test_the_scripts_survive_a_machine_without_any_of_the_tools(parts: Parts) -> None:
    node = parse_node(parts, bare(node_script(parts)))
    assert (node.cluster, node.quorum, node.units) == (None, None, {})
    assert parse_monitor(parts, bare(monitor_script(parts))).answering == frozenset()


def test_waiting_leaves_the_nodes_alone_while_the_service_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three looks: the service is away, still away, back. The nodes are read at the ends."""
    answers = iter(["", "", "10.30.0.100", "10.30.0.100"])

    def monitor_says(self: FakeRemote, command: str, *, timeout: float) -> Result:
        FakeRemote.commands.append((self.machine.name, command))
        text = (FIXTURES / f"captured-{self.machine.name}.txt").read_text()
        if self.machine.name == "monitor":
            text = text.replace("10.30.0.100", next(answers))
        return Result(text, "", 0)

    monkeypatch.setattr(FakeRemote, "run", monitor_says)
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    assert wait_healthy(INVENTORY, 60).healthy
    asked = [name for name, _ in FakeRemote.commands]
    assert (asked.count("monitor"), asked.count("node1")) == (4, 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("core.wait.time.monotonic", lambda: now[0])
    monkeypatch.setattr(
        "core.wait.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    return now


@pytest.mark.parametrize(
    ("coordinator", "says", "works"),
    [
        ("node1", "S_TRANSITION_ENGINE", True),
        ("node1", "S_IDLE", False),
        # Another one is by now.
        ("node1", "S_NOT_DC", False),
        ("node1", "", False),
        (None, "S_TRANSITION_ENGINE", False),
        # It has left the lab.
        ("node9", "S_TRANSITION_ENGINE", False),
    ],
)
def test_the_coordinator_tells_whether_the_cluster_is_at_work(
    monkeypatch: pytest.MonkeyPatch, coordinator: str | None, says: str, works: bool
) -> None:
    asked: list[str] = []

    def run(self: FakeRemote, command: str, *, timeout: float) -> Result:
        asked.append(self.machine.name)
        return Result(f'<crmd state="{says}" result="ok"/>', "", 0)

    monkeypatch.setattr(FakeRemote, "run", run)
    with collecting.Observer(INVENTORY) as observer:
        assert observer.at_work(coordinator) is works
    assert asked == (["node1"] if coordinator == "node1" else [])


def test_a_coordinator_that_cannot_be_reached_tells_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeRemote, "faults", {"node1": RemoteUnreachable("node1 is away")})
    with collecting.Observer(INVENTORY) as observer:
        assert not observer.at_work("node1")


def test_waiting_reads_seldom_while_the_cluster_is_at_work(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    """For a minute: a reading in ten seconds, and at once when it rests."""
    read: list[float] = []

    def look(_: object) -> Seen:
        read.append(clock[0])
        return HEALTHY if clock[0] >= 61 else with_disk("node2", connection="SyncTarget")

    monkeypatch.setattr(collecting.Observer, "look", look)
    monkeypatch.setattr(collecting.Observer, "services_answer", lambda _: False)
    monkeypatch.setattr(collecting.Observer, "at_work", lambda *_: clock[0] < 61)
    assert wait_healthy(INVENTORY, 360).healthy
    assert read == [*range(0, 61, 10), 62]


class TestHope:
    """A wait ends early when only a person, or more time than there is, could bring health."""

    @pytest.fixture
    def looks(self, monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
        """Be read one after the other; the last one again and again."""
        given: list[Seen] = []
        monkeypatch.setattr(
            collecting.Observer,
            "look",
            lambda _: given.pop(0) if len(given) > 1 else given[0],
        )
        monkeypatch.setattr(collecting.Observer, "services_answer", lambda _: False)
        monkeypatch.setattr(collecting.Observer, "at_work", lambda *_: False)
        return given

    def test_what_a_person_left_is_said_within_seconds(
        self, clock: list[float], looks: list[Seen]
    ) -> None:
        looks.append(situation("standby"))
        with pytest.raises(WaitFailed, match="node2 is in standby") as caught:
            wait_healthy(INVENTORY, 360)
        assert clock[0] <= 10
        assert "./halab ssh story node1 -- crm_standby --node node2 --delete" in str(caught.value)

    def test_what_was_just_taken_back_is_waited_for(
        self, clock: list[float], looks: list[Seen]
    ) -> None:
        looks += [situation("standby"), situation("standby"), HEALTHY]
        assert wait_healthy(INVENTORY, 360).healthy

    def test_a_drill_is_patient_with_what_it_made(
        self, clock: list[float], looks: list[Seen]
    ) -> None:
        looks.append(situation("standby"))
        with pytest.raises(WaitFailed):
            wait_healthy(INVENTORY, 360, patience_s=60)
        assert 60 <= clock[0] <= 65

    def test_a_resynchronisation_is_waited_for(self, clock: list[float], looks: list[Seen]) -> None:
        looks.append(with_disk("node2", connection="SyncTarget"))
        with pytest.raises(WaitTimeout):
            wait_healthy(INVENTORY, 30)

    def test_what_ends_in_time_is_waited_for_and_what_does_not_is_not(
        self, clock: list[float], looks: list[Seen]
    ) -> None:
        looks.append(seen_by_cluster(fail_counts=(FailCount("web", "node2", "3", "3"),)))
        with pytest.raises(WaitFailed, match="web has failed 3 times"):
            wait_healthy(INVENTORY, 360)
        assert clock[0] <= 10
        looks += [*looks * 5, HEALTHY]
        assert wait_healthy(INVENTORY, 2000).healthy

    def test_the_past_counts_where_it_is_news(self, clock: list[float], looks: list[Seen]) -> None:
        looks.append(seen_by_cluster(fail_counts=(FailCount("web", "node1", "1", "3"),)))
        known = wait_healthy(INVENTORY, 60).history
        assert wait_healthy(INVENTORY, 60, known=known).healthy
        with pytest.raises(WaitFailed, match="web has failed 1 times"):
            wait_healthy(INVENTORY, 60, known=())

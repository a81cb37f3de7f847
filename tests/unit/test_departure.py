"""Nodes that leave a running lab: drained, stopped and sealed, in this order and never blindly."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import HalabError
from core.wait import WaitTimeout
from infra import departure
from infra.departure import depart, leaving, left
from inventory.model import Inventory, Machine
from machines.remote import Result
from parts.all import Parts
from parts.base import NEWCOMER
from parts.seen import Seen
from status.collect import describe
from status.model import LabStatus
from tests.unit.broken_lab import seen_by_cluster, silent, view_of
from tests.unit.healthy_lab import healthy
from tests.unit.provisioned_lab import plan_of, right
from tests.unit.sketched import TRIO, sketched
from tests.unit.test_await_membership import put_program

FOUR = sketched(
    "four",
    nodes={"names": ["node1", "node2", "node3", "node4"]},
    services={"web": {"kind": "nginx", "runs": "everywhere"}},
    quorum={"kind": "majority"},
)
AFTER = TRIO.inventory
STANDBY = "crm_standby --node {} --update on"
BACK = "crm_standby --node {} --delete"
LEFT = left(FOUR)
NOTED = "mkdir -p /var/lib/halab\necho four >/var/lib/halab/newcomer"


@dataclass
class Cluster:
    """A cluster that does what it is told: nodes go into standby, and their resources with them."""

    parts: Parts
    seen: Seen
    done: list[tuple[str, str]] = field(default_factory=list)
    moves: bool = True

    def run(self, machine: Machine, command: str) -> Result:
        self.done.append((machine.name, command))
        for node in self.parts.inventory.nodes:
            if command == STANDBY.format(node.name):
                self.change(node.name, standby=True)
                if self.moves:
                    self.empty(node.name)
            if command == BACK.format(node.name):
                self.change(node.name, standby=False)
        if command == LEFT:
            self.change(machine.name, online=False, standby=False)
            self.forget(machine.number)
        return Result("", "", 0)

    def change(self, node: str, **values: Any) -> None:
        members = tuple(
            each.replace(**values) if each.name == node else each
            for each in view_of(self.seen).members
        )
        self.seen = seen_by_cluster(seen=self.seen, members=members)

    def forget(self, number: int) -> None:
        """Let corosync on all nodes do without one."""
        nodes = {
            name: replace(node, quorum=node.quorum.replace(members=node.quorum.members - {number}))
            if node and node.quorum
            else node
            for name, node in self.seen.nodes.items()
        }
        self.seen = replace(self.seen, nodes=nodes)

    def empty(self, node: str) -> None:
        rest = tuple(each for each in view_of(self.seen).instances if each.node != node)
        self.seen = seen_by_cluster(seen=self.seen, instances=rest)

    def status(self) -> LabStatus:
        return describe(self.parts, self.seen, None)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return placed(monkeypatch, FOUR)


def placed(monkeypatch: pytest.MonkeyPatch, parts: Parts) -> Cluster:
    """Return a healthy cluster, which is the one that a departure sees."""
    made = Cluster(parts, healthy(parts))

    class Observer:
        def __init__(self, inventory: Inventory) -> None:
            self.inventory = inventory
            self.parts = parts

        def __enter__(self) -> Observer:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def look(self) -> Seen:
            return made.seen

        def read(self) -> LabStatus:
            return made.status()

    @dataclass(frozen=True)
    class Remote:
        machine: Machine

        def __enter__(self) -> Remote:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def run(self, command: str, **_: Any) -> Result:
            return made.run(self.machine, command)

    monkeypatch.setattr(departure, "Observer", Observer)
    monkeypatch.setattr(departure, "Remote", Remote)
    return made


def go(after: Inventory = AFTER) -> list[str]:
    said: list[str] = []
    depart(FOUR.inventory, after, said.append)
    return said


def test_a_node_is_drained_then_stopped_and_cannot_come_back(cluster: Cluster) -> None:
    said = go()

    assert cluster.done == [
        ("node4", NOTED),
        ("node1", STANDBY.format("node4")),
        ("node4", LEFT),
    ]
    assert said[0] == "node4: going into standby; what runs there moves"
    assert "rm -f /etc/corosync/corosync.conf" in LEFT


def test_nobody_leaves_a_lab_that_keeps_its_nodes_or_gets_more(cluster: Cluster) -> None:
    assert go(FOUR.inventory) == []
    assert leaving(AFTER, FOUR.inventory) == ()
    assert cluster.done == []


def test_a_node_is_stopped_only_once_its_resources_are_elsewhere(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They move late, while halab waits for its next look."""
    cluster.moves = False
    stopped: list[bool] = []

    def sleep(_: float) -> None:
        stopped.append(("node4", LEFT) in cluster.done)
        cluster.empty("node4")

    monkeypatch.setattr("core.wait.time.sleep", sleep)
    said = go()

    assert stopped == [False]
    assert "still runs on node4" in said[1]
    assert cluster.done[-1] == ("node4", LEFT)


@pytest.mark.parametrize("ended", [WaitTimeout("not reached"), KeyboardInterrupt()])
def test_a_node_that_is_not_rid_of_its_resources_goes_online_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, ended: BaseException
) -> None:
    def never(observer: Any, missing: Any, *_: Any, **__: Any) -> None:
        assert missing(observer.read())
        raise ended

    cluster.moves = False
    monkeypatch.setattr(departure, "wait_for", never)
    with pytest.raises(type(ended)):
        go()
    assert cluster.done[1:] == [
        ("node1", STANDBY.format("node4")),
        ("node1", BACK.format("node4")),
        ("node4", "rm -f /var/lib/halab/newcomer"),
    ]


def test_who_was_interrupted_in_standby_goes_on(cluster: Cluster) -> None:
    """And a person who had sent it there finds it there, should this be taken back."""
    cluster.change("node4", standby=True)
    cluster.empty("node4")
    go()
    assert cluster.done == [("node1", STANDBY.format("node4")), ("node4", LEFT)]


def test_a_departure_that_is_taken_back_leaves_a_node_that_is_let_in_again() -> None:
    """What is noted before it goes into standby is what makes a new node one."""
    found = right(FOUR.inventory)
    found["node4"] = replace(found["node4"], notes={**found["node4"].notes, NEWCOMER: "four"})
    assert NOTED.endswith(f"/{NEWCOMER}")

    plan, node = plan_of(FOUR.inventory, found), FOUR.inventory.machine("node4")

    assert [step.what for step in plan.welcome(node)][-1] == "taken into service"
    assert plan.start(node), "its links and its quorum"


def test_who_was_interrupted_after_the_stop_only_seals(cluster: Cluster) -> None:
    cluster.change("node4", online=False)
    go()
    assert cluster.done == [("node4", LEFT)]


def test_who_votes_without_pacemaker_is_needed_for_a_quorum_as_well(cluster: Cluster) -> None:
    cluster.change("node4", online=False)
    cluster.forget(3)
    with pytest.raises(HalabError, match="no quorum"):
        go()
    assert cluster.done == []


@pytest.mark.parametrize(
    ("stop", "runs", "sealed"),
    [("exit 1", "exit 3", False), ("exit 0", "exit 0", False), ("exit 0", "exit 3", True)],
)
def test_a_node_is_sealed_only_once_its_cluster_has_stopped(
    tmp_path: Path, stop: str, runs: str, sealed: bool
) -> None:
    put_program(tmp_path, "systemctl", f"case $1 in stop) {stop} ;; is-active) {runs} ;; esac")
    put_program(tmp_path, "rm", f'echo "$*" >{tmp_path}/removed')
    done = subprocess.run(
        ["/bin/sh", "-c", LEFT], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout=20, check=False
    )
    assert (done.returncode == 0) == sealed
    assert (tmp_path / "removed").exists() == sealed


def test_a_machine_that_is_dead_and_known_to_be_is_passed_over(cluster: Cluster) -> None:
    cluster.change("node4", online=False)
    cluster.seen = silent("node4", seen=cluster.seen)
    said = go()
    assert said == ["node4 does not answer, and the cluster does without it already"]
    assert cluster.done == []


def test_a_member_that_only_halab_does_not_reach_stays(cluster: Cluster) -> None:
    cluster.seen = silent("node4", seen=cluster.seen)
    with pytest.raises(HalabError, match="node4 cannot leave lab 'four': it does not answer"):
        go()
    assert cluster.done == []


def test_an_unclean_node_stays(cluster: Cluster) -> None:
    cluster.change("node4", unclean=True)
    with pytest.raises(HalabError, match="is unclean") as caught:
        go()
    assert "./halab heal four" in str(caught.value.hint)
    assert cluster.done == []


def test_nobody_leaves_who_is_needed_for_a_quorum(cluster: Cluster) -> None:
    quorum = cluster.seen.reached["node1"].quorum
    assert quorum is not None
    three = quorum.replace(members=frozenset({1, 2, 4}), votes=3)
    nodes = {name: replace(node, quorum=three) for name, node in cluster.seen.reached.items()}
    cluster.seen = replace(cluster.seen, nodes=nodes)
    with pytest.raises(HalabError, match="no quorum"):
        go()
    assert cluster.done == []


def test_nodes_that_leave_together_leave_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    five = sketched(
        "five",
        nodes={"names": [f"node{number}" for number in range(1, 6)]},
        services={"web": {"kind": "nginx", "runs": "everywhere"}},
    )
    cluster = placed(monkeypatch, five)

    depart(five.inventory, AFTER, lambda _: None)

    assert [machine for machine, command in cluster.done if command == LEFT] == ["node5", "node4"]
    assert cluster.done[2] == ("node5", LEFT)

"""What services take of nodes: what is refused, what the cluster is told, what comes of it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from labs.changes import compare
from labs.checking import check
from labs.effects import Effect
from labs.model import Lab
from provisioning import cib
from tests.unit.definitions import GOOD, problems, the_problem
from tests.unit.loaded import LOADS, PARTS, loaded
from tests.unit.scheduled import Scheduled

SAID = Scheduled(PARTS, "loads")
DESIRED = cib.desired(PARTS)
UNCOUNTED = cib.desired(loaded())


def definition(capacity: int | None, count: int = 3, /, **own: dict[str, Any]) -> dict[str, Any]:
    """Return the tables of a lab with so many nodes of this capacity, and web servers."""
    nodes: dict[str, Any] = {"names": [f"node{number + 1}" for number in range(count)]}
    return {
        "nodes": nodes if capacity is None else {**nodes, "capacity": capacity},
        "services": {
            name: {"kind": "nginx", "port": 8000 + number, **keys}
            for number, (name, keys) in enumerate(own.items())
        },
    }


def accepted(capacity: int | None, count: int = 3, /, **own: dict[str, Any]) -> Lab:
    return check("my.toml", {**GOOD, **definition(capacity, count, **own)}, Lab)


class TestDefinition:
    def test_a_load_is_counted_against_something(self) -> None:
        found = problems(**definition(None, a={"load": 2}, b={"load": 1}, c={}))
        assert set(found) == {"services.a.load", "services.b.load"}
        assert found["services.a.load"].hint.endswith("as capacity = 10")
        accepted(None, a={"load": 0}, b={})

    @pytest.mark.parametrize(("capacity", "fits"), [(4, False), (5, True)])
    def test_one_of_two_nodes_bears_everything(self, capacity: int, fits: bool) -> None:
        tables = definition(capacity, 2, a={"load": 3}, b={"load": 2})
        if fits:
            check("my.toml", {**GOOD, **tables}, Lab)
            return
        found = the_problem(**tables)
        assert (found.key, found.value) == ("services.a.load", "3 (room for 4 on each node)")
        assert found.hint.startswith("one node would be left for it, of which others may take 2")

    def test_it_may_not_come_down_to_who_happens_to_be_where(self) -> None:
        # The heavy one finds room when the others share a node, and none when each has its own.
        own: dict[str, dict[str, Any]] = {"a": {"load": 6}, "b": {"load": 3}, "c": {"load": 3}}
        assert the_problem(**definition(8, **own)).key == "services.a.load"
        accepted(9, **own)

    def test_what_runs_on_all_nodes_takes_some_of_each(self) -> None:
        own: dict[str, dict[str, Any]] = {
            "a": {"load": 3},
            "all": {"load": 2, "runs": "everywhere"},
        }
        every = {"all": {"load": 3, "runs": "everywhere"}}
        assert the_problem(**definition(2, 2, **every)).value == "3 in all (capacity 2)"
        assert the_problem(**definition(4, 2, **own)).value == "3 (room for 2 on each node)"
        accepted(5, 2, **own)

    def test_who_follows_another_is_borne_with_it(self) -> None:
        own: dict[str, dict[str, Any]] = {"a": {"load": 3}, "b": {"load": 3, "follows": "a"}}
        found = the_problem(**definition(5, **own))
        assert (found.key, found.value) == ("services.a.load", "6 (room for 5 on each node)")
        accepted(6, **own)

    def test_where_data_are_not_there_is_no_room_either(self) -> None:
        tables = definition(5, a={"load": 3, "storage": "data"}, b={"load": 3})
        tables["storage"] = {"data": {"kind": "drbd", "nodes": ["node1", "node2"]}}
        assert the_problem(**tables).key == "services.a.load"
        tables["nodes"]["capacity"] = 6
        check("my.toml", {**GOOD, **tables}, Lab)

    @pytest.mark.parametrize("value", [-1, 1.5, "2", True])
    def test_it_is_a_number(self, value: object) -> None:
        assert "services.a.load" in problems(**definition(5, a={"load": value}))
        assert "nodes.capacity" in problems(nodes={"capacity": value})

    def test_it_changes_while_everything_runs(self) -> None:
        before, after = accepted(8, a={"load": 2}, b={}), accepted(9, a={"load": 3}, b={})
        assert {each.effect for each in compare(before, after)} == {Effect.LIVE}


def told(running: str, wanted: str) -> list[str]:
    """Return what the cluster is told, in a word for each step."""
    return [
        " ".join(shlex.split(step.command)[-4:])
        if step.command.startswith("crm_attribute --utilization")
        else step.what.removeprefix("cluster ").partition(" ")[0]
        for step in cib.corrections(running, wanted)
    ]


class TestCluster:
    def test_a_lab_without_loads_says_nothing_of_them(self) -> None:
        assert "utilization" not in UNCOUNTED
        assert told(DESIRED, DESIRED) == []

    def test_nodes_give_before_services_take_and_keep_until_they_have_let_go(self) -> None:
        coming, going = told(UNCOUNTED, DESIRED), told(DESIRED, UNCOUNTED)
        assert coming == [*["--name load --update 8"] * 3, "resources"]
        assert going == [
            "resources",
            *["node1 --name load --delete".replace("1", n) for n in "123"],
        ]
        more, less = cib.desired(loaded(capacity=9)), cib.desired(loaded(capacity=8))
        assert told(less, more) == ["--name load --update 9"] * 3
        assert told(more, less) == ["--name load --update 8"] * 3

    def test_a_node_that_has_joined_gives_its_own(self) -> None:
        [node] = [line for line in DESIRED.splitlines() if 'uname="node3"' in line]
        without = DESIRED.replace('id="node3-utilization-load" name="load"', 'id="x" name="other"')
        assert node in DESIRED
        assert told(without, DESIRED) == ["--name load --update 8"]


class TestScheduler:
    """Pacemaker's own: who has most left takes over."""

    def test_it_was_told_what_the_cluster_is_told_today(self) -> None:
        SAID.check_told()

    def test_each_node_has_one_at_first(self) -> None:
        assert set(SAID.places("now").values()) == {"node1", "node2", "node3"}

    @pytest.mark.parametrize(("lost", "moved"), [("node2", "small"), ("node3", "tiny")])
    def test_what_is_lost_goes_to_who_bears_least(self, lost: str, moved: str) -> None:
        heavy = SAID.places("now")["big"]
        assert SAID.places("now")[moved] == lost
        assert SAID.places(f"power-off {lost}")[moved] not in (lost, heavy)
        # Without loads both are alike, and the first is taken.
        assert SAID.places(f"uncounted-power-off {lost}")[moved] == heavy

    @pytest.mark.parametrize("node", ["node1", "node2", "node3"])
    @pytest.mark.parametrize("event", ["power-off", "standby"])
    def test_no_node_bears_more_than_it_can(self, event: str, node: str) -> None:
        found = SAID.places(f"{event} {node}")
        assert "" not in found.values()
        borne = [
            sum(LOADS[name] for name in found if found[name] == each) for each in found.values()
        ]
        assert max(borne) <= 8

    @pytest.mark.parametrize("service", LOADS)
    @pytest.mark.parametrize("event", ["power-off node1", "power-off node2", "standby node3"])
    def test_drills_expect_what_it_says(self, event: str, service: str) -> None:
        SAID.check(event, service)

"""What services take of nodes: what is refused, what the cluster is told, what comes of it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from infra.planning import sketch
from labs.changes import compare
from labs.checking import check
from labs.effects import Effect
from labs.model import Lab
from parts.all import Parts
from provisioning import cib
from tests.unit.definitions import GOOD, problems, the_problem
from tests.unit.loaded import CAPACITY, LOADS, PARTS, loaded
from tests.unit.scheduled import FIXTURES, Scheduled
from updates.costs import costs
from updates.costs import told as told_of

SAID = Scheduled(PARTS, "loads")
DESIRED = cib.desired(PARTS)
UNCOUNTED = cib.desired(loaded())
KNOWN = "<nodes>{}</nodes>".format(
    "".join(f'<node id="{number}" uname="node{number}"/>' for number in (1, 2, 3))
)


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


def _uncounted(lab: Lab) -> dict[str, Any]:
    """Return the tables of the same lab without loads."""
    homes = {name: {"home": each.home} if each.home else {} for name, each in lab.settings.items()}
    return definition(None, len(lab.nodes.names), **homes)


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

    def test_a_home_has_room_for_all_that_are_at_home_there(self) -> None:
        own: dict[str, dict[str, Any]] = {name: {"load": 5, "home": "node1"} for name in ("a", "b")}
        found = the_problem(**definition(8, **own))
        assert (found.key, found.value) == (
            "services.a.home",
            "10 at home on node1 (room for 8 on each node)",
        )
        accepted(10, **own)

    def test_who_is_apart_takes_no_room_beside_it(self) -> None:
        own: dict[str, dict[str, Any]] = {"a": {"load": 5, "apart": ["b"]}, "b": {"load": 5}}
        accepted(5, **own)

    @pytest.mark.parametrize(
        ("before", "after"), [((8, 2), (8, 3)), ((8, 2), (9, 2)), ((9, 2), (8, 2))]
    )
    def test_who_finds_no_room_any_more_may_move(
        self, before: tuple[int, int], after: tuple[int, int]
    ) -> None:
        one, other = (accepted(size, a={"load": load}, b={}) for size, load in (before, after))
        changes = compare(one, other)
        assert {each.effect for each in changes} == {Effect.REWEIGHED}
        parts = Parts(sketch(other))
        allowed = costs(Parts(sketch(one)), parts, changes, ())
        # Where it was is not said: whoever is there gives way.
        assert all("may miss it" in line for line in told_of(parts, allowed))

    @pytest.mark.parametrize(
        "after",
        [
            {"a": {"load": 5, "home": "node2"}, "b": {"load": 5}},
            {
                "a": {"load": 5, "home": "node1"},
                "b": {"load": 5},
                "c": {"load": 1, "home": "node2"},
            },
        ],
        ids=["a home elsewhere", "one that comes"],
    )
    def test_who_is_in_the_way_of_another_may_move(self, after: dict[str, dict[str, Any]]) -> None:
        one = accepted(11, a={"load": 5, "home": "node1"}, b={"load": 5})
        other = accepted(11, **after)
        parts = Parts(sketch(other))
        said = list(told_of(parts, costs(Parts(sketch(one)), parts, compare(one, other), ())))
        assert [line for line in said if line.startswith("b: clients may miss it")], said
        # Where nothing is counted, nobody gives way.
        free = [check("my.toml", {**GOOD, **_uncounted(lab)}, Lab) for lab in (one, other)]
        parts = Parts(sketch(free[1]))
        said = list(told_of(parts, costs(Parts(sketch(free[0])), parts, compare(*free), ())))
        assert "b: clients notice nothing" in said

    def test_nodes_come_and_go_in_another_step(self) -> None:
        own: dict[str, dict[str, Any]] = {"a": {"load": 3}, "b": {"load": 3}}
        small, large = accepted(7, 4, **own), accepted(15, 3, **own)
        refused = [each for each in compare(small, large) if each.effect is Effect.REFUSED]
        assert [(each.key, each.before, each.after) for each in refused] == [
            ("nodes.capacity", "7", "15")
        ]
        assert "first what leaves more room" in refused[0].reason
        # What is said is what was changed, and a service that comes with a load is one.
        heavier = accepted(7, 3, a={"load": 4}, b={"load": 3}, c={"load": 1})
        assert {
            (each.key, each.after)
            for each in compare(small, heavier)
            if each.effect is Effect.REFUSED
        } == {("services.a.load", "4"), ("services.c.load", "1")}
        for between in (accepted(15, 4, **own), accepted(7, 3, **own)):
            effects = {each.effect for each in compare(small, between)}
            assert Effect.REFUSED not in effects


def told(running: str, wanted: Parts) -> list[str]:
    """Return what the cluster is told, in a word for each step."""
    return [
        " ".join(shlex.split(step.command)[-4:])
        if step.command.startswith("crm_attribute --utilization")
        else step.what.removeprefix("cluster ").partition(" ")[0]
        for step in cib.steps(running, wanted)
    ]


class TestCluster:
    def test_a_lab_without_loads_says_nothing_of_them(self) -> None:
        assert "utilization" not in UNCOUNTED
        assert told(DESIRED, PARTS) == []

    def test_nodes_give_before_services_take_and_keep_until_they_have_let_go(self) -> None:
        knowing = UNCOUNTED.replace("<nodes />", KNOWN)
        assert told(knowing, PARTS) == [*[f"--name load --update {CAPACITY}"] * 3, "resources"]
        going = [f"node{number} --name load --delete" for number in (1, 2, 3)]
        assert told(DESIRED, loaded()) == ["resources", *going]
        large = loaded(capacity=9)
        assert told(DESIRED, large) == ["--name load --update 9"] * 3
        assert told(cib.desired(large), PARTS) == [f"--name load --update {CAPACITY}"] * 3

    @pytest.mark.parametrize("value", ["2.5", "", "8 ", "many", "-3"])
    def test_what_somebody_wrote_by_hand_is_put_right(self, value: str) -> None:
        spoilt = DESIRED.replace(
            f'name="load" value="{CAPACITY}"', f'name="load" value="{value}"', 1
        )
        assert told(spoilt, PARTS) == [f"--name load --update {CAPACITY}"]

    def test_a_node_that_has_joined_gives_its_own(self) -> None:
        without = DESIRED.replace('id="node3-utilization-load" name="load"', 'id="x" name="other"')
        assert without != DESIRED
        assert told(without, PARTS) == [f"--name load --update {CAPACITY}"]

    def test_of_a_node_that_leaves_nothing_is_changed_before_it_is_forgotten(self) -> None:
        fewer = Parts(
            PARTS.inventory.model_copy(
                update={"machines": tuple(m for m in PARTS.inventory.machines if m.name != "node3")}
            )
        )
        assert not [step for step in told(DESIRED, fewer) if "load" in step]


class TestScheduler:
    """Pacemaker's own: who has most left takes over."""

    def test_it_was_told_what_the_cluster_is_told_today(self) -> None:
        SAID.check_told()
        then = (FIXTURES / "loads" / "cib.xml").read_text()
        assert then.count(f'name="load" value="{CAPACITY}"') == 3

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
        assert max(borne) <= CAPACITY < sum(LOADS.values())

    @pytest.mark.parametrize("service", LOADS)
    @pytest.mark.parametrize("event", ["power-off node1", "power-off node2", "standby node3"])
    def test_drills_expect_what_it_says(self, event: str, service: str) -> None:
        SAID.check(event, service)

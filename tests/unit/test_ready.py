"""A home that counts only where its service is ready: what is told, and what comes of it."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from drills.expectations import return_s
from parts.addresses import ready
from parts.addresses.ready import Readiness
from parts.all import Parts
from parts.budget import budget
from parts.cluster import Clone
from parts.constraints import Colocation, Order, Preference
from provisioning import cib
from status.collect import describe
from tests.unit.broken_lab import seen_by_cluster, sentences, view_of
from tests.unit.clustered import agents
from tests.unit.healthy_lab import healthy
from tests.unit.planned_lab import planned
from tests.unit.scheduled import Scheduled
from tests.unit.situations import situation
from tests.unit.sketched import MIRROR, TABLES, TRIO

GALERA = Scheduled(Parts(planned("galera", accelerated=True)), "homecoming")
HOMES = {"address-1": "node1", "address-2": "node2", "address-3": "node3"}

NAME = "tables-ready"
"""Of the resource, and of the node attribute that it sets."""


def resources() -> tuple[Clone, ...]:
    """Return what tells of the tables where they are ready."""
    [part] = [each for each in TABLES.every if isinstance(each, Readiness)]
    return tuple(each for each in part.resources() if isinstance(each, Clone))


def homes(parts: Parts) -> list[Preference]:
    return [each for each in parts.constraints() if isinstance(each, Preference)]


class TestTold:
    def test_a_home_counts_where_the_server_is_promoted(self) -> None:
        service = TABLES.services["tables"].service
        assert {each.rsc: each.node for each in homes(TABLES)} == HOMES
        assert {each.ready for each in homes(TABLES)} == {ready.condition(service)}

    @pytest.mark.parametrize("parts", [TRIO, MIRROR], ids=["web servers", "data"])
    def test_what_is_not_promoted_everywhere_is_at_home_at_once(self, parts: Parts) -> None:
        assert {each.ready for each in homes(parts)} == {None}
        assert not [each for each in parts.every if isinstance(each, Readiness)]

    def test_both_have_to_be_true_of_a_node(self) -> None:
        [home, *_] = [each.element() for each in homes(TABLES)]
        assert (home.get("id"), home.get("node"), home.get("score")) == (
            "address-1-at-home",
            None,
            None,
        )
        [rule] = home
        assert (rule.get("score"), rule.get("boolean-op")) == ("200", "and")
        assert [
            tuple(each.get(key) for key in ("attribute", "operation", "value", "type"))
            for each in rule
        ] == [("#uname", "eq", "node1", "string"), (NAME, "eq", "1", "number")]

    def test_the_attribute_is_set_where_a_server_is_promoted_and_not_sooner(self) -> None:
        [clone] = resources()
        [agent] = agents(clone)
        assert agent.id == agent.parameters["name"] == NAME
        # Or each node would wait for the servers of all others.
        assert clone.meta == {"interleave": "true"}
        group, found = TABLES.services["tables"].service.group, TABLES.constraints()
        assert Colocation(clone.id, group, "Promoted", influence=False) in found
        assert Order(group, "promote", clone.id) in found

    def test_a_cluster_that_runs_without_it_learns_of_it_before_homes_ask_for_it(self) -> None:
        wanted = cib.desired(TABLES)
        said = [step.what for step in cib.corrections(former(wanted), wanted)]
        [clone] = resources()
        assert said[0] == "cluster resources replaced"
        assert set(said[1:]) == {
            *(f"constraint {name}-at-home replaced" for name in HOMES),
            f"constraint {clone.id}-with-tables-everywhere created",
            f"constraint {clone.id}-after-tables-everywhere created",
        }


def former(text: str) -> str:
    """Return the configuration in which a home counts always."""
    root = ElementTree.fromstring(text)
    [clone] = resources()

    def drop(section: str, wrong: str, key: str) -> None:
        found = root.find(f"configuration/{section}")
        assert found is not None
        for each in [each for each in found if each.get(key) == wrong]:
            found.remove(each)

    drop("resources", clone.id, "id")
    drop("constraints", clone.id, "rsc")
    drop("constraints", clone.id, "then")
    for each in root.iter("rsc_location"):
        if each.get("rsc") in HOMES and each.get("id", "").endswith("-at-home"):
            _always(each, HOMES[each.get("rsc", "")])
    return ElementTree.tostring(root, encoding="unicode")


def _always(home: Element, node: str) -> None:
    for each in list(home):
        home.remove(each)
    home.set("node", node)
    home.set("score", "200")


class TestStatus:
    def test_all_nodes_are_ready(self) -> None:
        assert describe(TABLES, healthy(TABLES), None).healthy

    def test_a_node_that_nobody_calls_ready_is_named(self) -> None:
        seen = healthy(TABLES)
        instances = tuple(
            each for each in view_of(seen).instances if (each.id, each.node) != (NAME, "node3")
        )
        said = sentences(seen_by_cluster(seen=seen, instances=instances), TABLES)
        assert said == (f"resource {NAME} is not started on node3",)


class TestScheduler:
    """What Pacemaker 3.0.0 does with this configuration; to be captured anew when it changes."""

    def places(self, name: str) -> dict[str, str]:
        after = GALERA.captured(name).after
        return {address: "".join(after.running(address)) for address in HOMES}

    def test_it_was_told_what_the_cluster_is_told(self) -> None:
        GALERA.check_told()

    def test_at_rest_each_address_is_at_home(self) -> None:
        assert self.places("now") == HOMES

    def test_while_a_server_is_promoted_its_address_stays_away(self) -> None:
        """Without the attribute the address stops here, and starts when the promotion is over."""
        simulation = GALERA.captured("promote-node2")
        assert self.places("promote-node2") == HOMES | {"address-2": "node1"}
        assert not simulation.again & {(name, node) for name in HOMES for node in HOMES.values()}
        assert "node2" in simulation.after.running("database-ready")

    def test_once_it_is_promoted_its_address_comes_home_and_nothing_else_moves(self) -> None:
        simulation = GALERA.captured("ready-node2")
        before = {name: "".join(simulation.before.running(name)) for name in HOMES}
        assert before == HOMES | {"address-2": "node1"}
        assert self.places("ready-node2") == HOMES
        assert not simulation.again

    def test_a_server_that_died_can_be_started_where_it_was(self) -> None:
        simulation = GALERA.captured("fail-database-node2")
        assert simulation.finished
        assert ("database", "node2") in simulation.again
        assert self.places("fail-database-node2") == HOMES


def test_who_comes_home_waits_for_no_server() -> None:
    """What clients wait is a stop and a start of the address, however long a promotion takes."""
    assert return_s(situation(TABLES, "node2")) == budget(TABLES.services["tables"]).move_s

"""A home that counts only where its service is ready: what is told, and what comes of it."""

from __future__ import annotations

import pytest

from drills.expectations import return_s
from parts.addresses import home, ready
from parts.addresses.ready import Readiness
from parts.all import Parts
from parts.budget import budget
from parts.cluster import Clone
from parts.constraints import Colocation, Order, Preference
from parts.pacemaker import STICKINESS
from status.collect import describe
from tests.unit.broken_lab import seen_by_cluster, sentences, view_of
from tests.unit.clustered import agents
from tests.unit.healthy_lab import healthy
from tests.unit.planned_lab import planned
from tests.unit.scheduled import Scheduled
from tests.unit.situations import situation
from tests.unit.sketched import MIRROR, TABLES, TRIO

GALERA = Scheduled(Parts(planned("galera", accelerated=True)), "homecoming/galera")
ACTIVE = Scheduled(Parts(planned("active-active", accelerated=True)), "homecoming/active-active")
HOMES = {"address-1": "node1", "address-2": "node2", "address-3": "node3"}

NAME = "tables-ready"
"""Of the resource, and of the node attribute that it sets."""


def clone_of(parts: Parts) -> Clone:
    """Return what tells of the only service that runs everywhere where it is ready."""
    [part] = [each for each in parts.every if isinstance(each, Readiness)]
    [clone] = part.resources()
    assert isinstance(clone, Clone)
    return clone


def homes(parts: Parts) -> list[Preference]:
    return [each for each in parts.constraints() if isinstance(each, Preference)]


class TestTold:
    def test_a_home_counts_where_the_server_is_promoted(self) -> None:
        service = TABLES.services["tables"].service
        assert {each.rsc: each.node for each in homes(TABLES)} == HOMES
        assert {each.ready for each in homes(TABLES)} == {ready.condition(service)}

    def test_a_web_server_everywhere_is_at_home_at_once_as_long_as_nothing_runs(self) -> None:
        found = [(each.rsc, each.node, each.score, each.ready is None) for each in homes(TRIO)]
        assert sorted(found) == sorted(
            (name, node, *said)
            for name, node in HOMES.items()
            for said in ((home.AT_FIRST, True), (home.ADDRESS_SCORE, False))
        )
        assert home.AT_FIRST < STICKINESS < home.ADDRESS_SCORE
        ids = [each.get("id") for each in map(Preference.element, homes(TRIO))]
        assert len(set(ids)) == len(ids)

    def test_what_has_its_data_on_one_node_is_at_home_at_once(self) -> None:
        assert {each.ready for each in homes(MIRROR)} == {None}
        assert not [each for each in MIRROR.every if isinstance(each, Readiness)]

    def test_servers_without_addresses_have_nobody_to_be_ready_for(self) -> None:
        balanced = Parts(planned("load-balancer", accelerated=True))
        assert {each.name for each in balanced.every if isinstance(each, Readiness)} == {
            "front-ready"
        }

    def test_both_have_to_be_true_of_a_node(self) -> None:
        [found, *_] = [each.element() for each in homes(TABLES)]
        assert found.attrib == {"id": "address-1-ready-at-home", "rsc": "address-1"}
        [rule] = found
        assert (rule.get("score"), rule.get("boolean-op")) == ("200", "and")
        assert [
            tuple(each.get(key) for key in ("attribute", "operation", "value", "type"))
            for each in rule
        ] == [("#uname", "eq", "node1", "string"), (NAME, "eq", "1", "number")]

    def test_the_attribute_is_set_where_a_server_is_promoted_and_not_sooner(self) -> None:
        clone = clone_of(TABLES)
        [agent] = agents(clone)
        assert agent.id == agent.parameters["name"] == NAME
        # Or each node would wait for the servers of all others.
        assert clone.meta == {"interleave": "true"}
        group, found = TABLES.services["tables"].service.group, TABLES.constraints()
        assert Colocation(clone.id, group, "Promoted", influence=False) in found
        assert Order(group, "promote", clone.id) in found

    def test_a_web_server_that_is_started_again_where_it_was_stays_ready(self) -> None:
        """Or its address would go elsewhere meanwhile, and come home: two moves for nothing."""
        clone, group = clone_of(TRIO), TRIO.services["web"].service.group
        [part] = [each for each in TRIO.every if isinstance(each, Readiness)]
        assert part.constraints() == (Order(group, "start", clone.id, symmetrical=False),)


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


def places(said: Scheduled, event: str) -> dict[str, str]:
    """Return where addresses are when the cluster has done what it plans after an event."""
    after = said.captured(event).after
    return {address: "".join(after.running(address)) for address in HOMES}


@pytest.mark.parametrize("said", [GALERA, ACTIVE], ids=["promoted", "started"])
class TestScheduler:
    """What Pacemaker 3.0.0 does with these configurations; `tests.capture` asks it anew."""

    def test_it_was_told_what_the_cluster_is_told(self, said: Scheduled) -> None:
        said.check_told()

    def test_at_rest_each_address_is_at_home(self, said: Scheduled) -> None:
        assert places(said, "now") == HOMES

    def test_while_a_server_begins_its_address_stays_away(self, said: Scheduled) -> None:
        """Without the attribute the address stops here, and starts when the server has begun."""
        event = "promote-node2" if said is GALERA else "return-node2"
        simulation, [service] = said.captured(event), said.parts.inventory.services
        assert places(said, event) == HOMES | {"address-2": "node1"}
        assert not simulation.again & {(name, node) for name in HOMES for node in HOMES.values()}
        assert service.ready is not None
        assert "node2" in simulation.after.running(service.ready)

    def test_once_it_serves_its_address_comes_home_and_nothing_else_moves(
        self, said: Scheduled
    ) -> None:
        simulation = said.captured("ready-node2")
        before = {name: "".join(simulation.before.running(name)) for name in HOMES}
        assert before == HOMES | {"address-2": "node1"}
        assert places(said, "ready-node2") == HOMES
        assert not simulation.again

    def test_a_server_that_died_can_be_started_where_it_was(self, said: Scheduled) -> None:
        [service] = said.parts.inventory.services
        simulation = said.captured(f"fail-{service.resource}-node2")
        assert simulation.finished
        assert (service.resource, "node2") in simulation.again
        assert places(said, f"fail-{service.resource}-node2") == HOMES


def test_who_comes_home_waits_for_no_server() -> None:
    """What clients wait is a stop and a start of the address, however long a promotion takes."""
    assert return_s(situation(TABLES, "node2")) == budget(TABLES.services["tables"]).move_s

"""Three pairs of three nodes: each is at home to one service, and stands by for another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from random import Random
from typing import cast

import pytest

from drills.catalogue import catalogue, find
from drills.expectations import frozen_s, stall_s
from drills.schedule import exam, soak
from drills.situation import Fate
from drills.targets import resolve
from labs.addressing import machines
from labs.loading import load
from labs.ports import DRBD_PORT
from labs.roles import NetworkRole
from parts.all import Parts
from parts.base import Found
from parts.budget import budget
from parts.host import File
from status.collect import describe
from status.events import parse_events, single_failures
from tests.unit.collected import healthy_tools, load_collector
from tests.unit.healthy_lab import healthy
from tests.unit.planned_lab import SECRETS, planned
from tests.unit.provisioned_lab import fresh, plan_of, words
from tests.unit.scheduled import Scheduled, votes
from tests.unit.situations import situation
from tests.unit.test_cluster_status import look, settings_of

LAB = planned("ring", accelerated=True)
PARTS = Parts(LAB)
SAID = Scheduled(PARTS, "what-if/ring")
HOMES = {"red": "node1", "green": "node2", "blue": "node3"}
STANDBY = {"red": "node2", "green": "node3", "blue": "node1"}
STORES = {"red": "reds", "green": "greens", "blue": "blues"}
EVENTS = [event.words for event in single_failures(LAB)]


class TestMachines:
    def test_each_node_has_the_disks_of_two_services(self) -> None:
        disks = {plan.name: set(plan.data_disks) for plan in machines(load("ring"))}
        assert disks == {
            **{
                node: {STORES[service], STORES[other]}
                for service, node in HOMES.items()
                for other in HOMES
                if STANDBY[other] == node
            },
            "monitor": set(),
        }

    def test_each_pair_replicates_by_itself_at_a_port_of_its_own(self) -> None:
        told = configurations()
        assert len({(said["device"], said["port"]) for said in told.values()}) == len(STORES)
        for number, (service, store) in enumerate(STORES.items()):
            assert told[store] == {
                "device": f"/dev/drbd{number}",
                "port": str(DRBD_PORT + number),
                "nodes": " ".join(sorted((HOMES[service], STANDBY[service]))),
            }

    def test_the_third_node_is_told_nothing_of_it(self) -> None:
        for service, store in STORES.items():
            [third] = {node.name for node in LAB.nodes} - {HOMES[service], STANDBY[service]}
            part = PARTS.replicas[store]
            assert part.files(LAB.machine(third), SECRETS, Found({}, ())) == ()
            assert part.looks(LAB.machine(third)) == {}

    def test_each_filesystem_is_made_once(self) -> None:
        plan = plan_of(LAB, fresh(LAB))
        made = {node.name: words(plan.membership(node, frozenset())) for node in LAB.nodes}
        count = {
            name: said.count("replication initialised, filesystem made")
            for name, said in made.items()
        }
        assert sum(count.values()) == len(STORES)

    def test_each_node_tells_zabbix_of_its_own_two(self) -> None:
        collector = load_collector(healthy_tools())
        for node in LAB.nodes:
            mine = {
                PARTS.replicas[STORES[name]].storage.instance
                for name in HOMES
                if node.name in (HOMES[name], STANDBY[name])
            }
            told = look(collector, settings_of(PARTS, node.name))[0]
            assert {part.storage.instance for part in PARTS.replicas.values()} & told.keys() == mine


def configurations() -> dict[str, dict[str, str]]:
    """Return what DRBD is told of each storage, as all its nodes have it."""
    found = {}
    for store, part in PARTS.replicas.items():
        texts = {
            cast(File, file).data.decode()
            for name in part.carriers
            for file in part.files(LAB.machine(name), SECRETS, Found({}, ()))
            if file.path == part.configuration
        }
        [text] = texts
        addresses = dict(re.findall(r'on "(\w+)" \{[^}]*address\s+(?:ipv4 )?([\d.]+:\d+);', text))
        nodes = {
            str(node.interfaces[NetworkRole.REPLICATION].address.ip): node.name
            for node in LAB.nodes
        }
        assert {name: nodes[where.split(":")[0]] for name, where in addresses.items()} == {
            name: name for name in addresses
        }
        [port] = {where.split(":")[1] for where in addresses.values()}
        [device] = set(re.findall(r"device\s+(\S+?)(?: minor \d+)?;", text))
        found[store] = {"device": device, "port": port, "nodes": " ".join(sorted(addresses))}
    return found


class TestStatus:
    def test_it_is_healthy_where_each_is_at_home(self) -> None:
        status = describe(PARTS, healthy(PARTS), None)
        assert status.healthy
        assert {name: status.service(name).nodes for name in HOMES} == {
            name: (node,) for name, node in HOMES.items()
        }
        assert {name: set(told) for name, told in status.replication.items()} == {
            STORES[name]: {HOMES[name], STANDBY[name]} for name in HOMES
        }

    def test_who_stands_by_for_a_service_is_the_next_node(self) -> None:
        status = describe(PARTS, healthy(PARTS), None)
        for name, node in STANDBY.items():
            part = PARTS.services[name]
            assert resolve("standby", status, part, Random(1)) == (node,)
            assert resolve("active", status, part, Random(1)) == (HOMES[name],)


class TestScheduler:
    """Pacemaker's own, about each thing that can happen by itself."""

    def test_it_was_told_what_the_cluster_is_told_today(self) -> None:
        SAID.check_told()

    def test_each_is_at_home(self) -> None:
        assert SAID.places("now") == HOMES

    @pytest.mark.parametrize("kind", ["power-off", "standby"])
    @pytest.mark.parametrize("lost", ["node1", "node2", "node3"])
    def test_one_service_goes_to_who_stands_by_for_it_and_no_other_moves(
        self, kind: str, lost: str
    ) -> None:
        expected = {name: STANDBY[name] if node == lost else node for name, node in HOMES.items()}
        assert SAID.places(f"{kind} {lost}") == expected

    @pytest.mark.parametrize("back", ["node1", "node2", "node3"])
    def test_who_comes_back_gets_its_own_and_no_other(self, back: str) -> None:
        assert SAID.places(f"return {back}") == HOMES

    @pytest.mark.parametrize("service", HOMES)
    @pytest.mark.parametrize("event", EVENTS)
    def test_drills_expect_what_it_says(self, event: str, service: str) -> None:
        SAID.check(event, service)

    def test_two_lost_nodes_are_no_majority(self) -> None:
        lost = {event.at for event in parse_events(LAB, ["power-off node1, power-off node2"])}
        assert not PARTS.quorum.is_quorate(votes(LAB), lost={name for name in lost if name})


class TestDrills:
    def test_writes_wait_only_where_the_lost_node_has_a_copy(self) -> None:
        found = {
            name: find("power-off", PARTS).expected(situation(PARTS, "node1", service=name))
            for name in HOMES
        }
        assert [found[name].fate for name in HOMES] == [Fate.VISITS, Fate.STAYS, Fate.STAYS]
        there = situation(PARTS, "node1", service="blue")
        assert found["blue"].outage_s == frozen_s(there, {"node1"})
        assert found["green"].outage_s == stall_s(LAB.timing)

    def test_a_node_that_comes_back_starts_two_replicas_beside_what_comes_home(self) -> None:
        lost = find("power-off", PARTS).expected(situation(PARTS, "node2", service="green"))
        move_s = budget(PARTS.services["green"]).move_s
        assert lost.return_s == round(move_s + 2 * 3.0 * LAB.timing.pace, 1)

    @pytest.mark.parametrize("name", catalogue(PARTS))
    def test_a_fault_of_one_service_is_noticed_by_no_other(self, name: str) -> None:
        drill = find(name, PARTS)
        if drill.service is None or drill.target == "all":
            return
        for other in HOMES.keys() - {drill.service}:
            for node in HOMES.values():
                found = drill.expected(situation(PARTS, node, service=other))
                assert (found.fate, found.interrupted) == (Fate.STAYS, False)

    def test_each_service_and_each_pair_has_its_own(self) -> None:
        names = catalogue(PARTS).keys()
        assert {"service-killed", "green-service-killed", "blue-service-killed"} <= names
        assert {"replication-cut", "greens-replication-cut", "blues-replication-cut"} <= names
        assert exam(PARTS, 1)

    def test_a_soak_hits_every_node(self) -> None:
        turns = list(islice(soak(PARTS, 1), 300))
        status = describe(PARTS, healthy(PARTS), None)
        hit = {
            name
            for turn in turns
            for name in resolve(turn.target, status, turn.drill.about(PARTS), Random(turn.seed))
        }
        assert {node.name for node in LAB.nodes} <= hit


def test_a_lost_node_interrupts_one_service_of_three() -> None:
    interrupted: Mapping[str, list[str]] = {
        node: [
            name
            for name in HOMES
            if find("power-off", PARTS).expected(situation(PARTS, node, service=name)).interrupted
        ]
        for node in HOMES.values()
    }
    assert interrupted == {node: [name] for name, node in HOMES.items()}

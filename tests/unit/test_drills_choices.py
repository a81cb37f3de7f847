"""Whom a fault hits, how networks fall apart, and what the catalogue promises of each fault."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from random import Random

import pytest

from core.errors import HalabError
from drills import partitions
from drills.catalogue import catalogue, find
from drills.expectations import frozen_s, stall_s
from drills.faults.cables import unplugged
from drills.faults.partition import rules
from drills.situation import Fate, Situation
from drills.targets import WORDS, resolve
from labs.roles import MachineRole, NetworkRole
from parts.budget import budget
from parts.seen import NodeState
from status.collect import describe
from status.model import LabStatus, NodeStatus
from tests.unit.healthy_lab import ADDRESS, HEALTHY, INVENTORY, PARTS
from tests.unit.sketched import sketched

STATUS = describe(PARTS, HEALTHY, None)
SLOW = sketched("story", platform={"pace": "emulation"})
FIVE = ("a", "b", "c", "d", "e")


def of_five(word: str, seed: int = 1) -> tuple[str, ...]:
    monitor = STATUS.nodes[-1]
    nodes = [monitor.model_copy(update={"name": name, "role": MachineRole.NODE}) for name in FIVE]
    lab = STATUS.model_copy(update={"nodes": (*nodes, monitor)})
    checked = LabStatus.model_validate_json(lab.model_dump_json())
    assert all(isinstance(node, NodeStatus) and node.state is NodeState.ONLINE for node in nodes)
    return resolve(word, checked, PARTS.first_service, Random(seed))


class TestTargets:
    def test_words_mean_what_the_lab_is(self) -> None:
        assert resolve("active", STATUS, PARTS.first_service, Random(1)) == ("node1",)
        assert resolve("standby", STATUS, PARTS.first_service, Random(1)) == ("node2",)
        assert resolve("monitor", STATUS, PARTS.first_service, Random(1)) == ("monitor",)
        assert resolve("all", STATUS, PARTS.first_service, Random(1)) == ("node1", "node2")
        assert resolve("dc", STATUS, PARTS.first_service, Random(1)) == (STATUS.dc,)
        assert resolve("node2", STATUS, PARTS.first_service, Random(1)) == ("node2",)

    def test_the_same_seed_chooses_the_same(self) -> None:
        for word in WORDS:
            if word not in ("active", "standby", "dc"):
                assert of_five(word, 7) == of_five(word, 7)
        assert {of_five("any", seed) for seed in range(50)} == {(name,) for name in FIVE}

    def test_unknown_words_and_nobody(self) -> None:
        with pytest.raises(HalabError, match=r"nobody .* is called 'leader'"):
            resolve("leader", STATUS, PARTS.first_service, Random(1))
        service = STATUS.service("web").model_copy(update={"nodes": ()})
        nobody = STATUS.model_copy(update={"services": (service,)})
        with pytest.raises(HalabError, match=r"no machine .* is 'active' now"):
            resolve("active", nobody, PARTS.first_service, Random(1))


class TestPartitions:
    def test_isolation_cuts_both_ways_and_nothing_else(self) -> None:
        shape = partitions.isolated("abc", "a")
        assert shape == {("a", "b"), ("a", "c"), ("b", "a"), ("c", "a")}

    def test_one_way_leaves_the_way_back(self) -> None:
        assert partitions.one_way("abc", "a") == {("a", "b"), ("a", "c")}

    def test_nobody_is_deaf_to_themselves_and_everybody_to_whom_they_cannot_reach(self) -> None:
        for nodes in permutations("abcd"):
            cut = partitions.isolated(nodes, *nodes[:2])
            assert all(receiver != sender for receiver, sender in cut)
            assert {(s, r) for r, s in cut} == cut

    def test_shapes_that_are_impossible(self) -> None:
        attempts: tuple[Callable[[], partitions.Shape], ...] = (
            lambda: partitions.isolated("ab", "a", "b"),
            lambda: partitions.isolated("ab"),
            lambda: partitions.one_way("ab", "z"),
        )
        for impossible in attempts:
            with pytest.raises(ValueError):
                impossible()

    def test_only_cluster_addresses_are_dropped(self) -> None:
        texts = rules(INVENTORY, partitions.isolated(("node1", "node2"), "node1"))
        assert "ip saddr { 10.20.1.2, 10.20.2.2, 10.20.9.2 } drop" in texts["node1"]
        assert "ip saddr { 10.20.1.1, 10.20.2.1, 10.20.9.1 } drop" in texts["node2"]
        assert not any("10.10." in text for text in texts.values())

    def test_the_management_network_is_never_cut(self) -> None:
        with pytest.raises(ValueError, match="never cut"):
            unplugged(NetworkRole.CLUSTER_A, NetworkRole.MANAGEMENT)


def situation(*targets: str, active: str = "node1") -> Situation:
    return Situation(SLOW.first_service, {ADDRESS: active}, frozenset(targets))


class TestCatalogue:
    @pytest.mark.parametrize("name", catalogue(SLOW))
    def test_every_drill_expects_something_of_every_target(self, name: str) -> None:
        entry = find(name, SLOW)
        for node in ("node1", "node2"):
            expected = entry.expects(situation(node))
            assert expected.outage_s > 0
            assert expected.fenced <= {"node1", "node2"}
        assert entry.teaches.endswith(".") and entry.watch.endswith(".")
        assert entry.target in WORDS

    def test_the_service_leaves_a_lost_node_and_stays_when_the_other_is_lost(self) -> None:
        expects = find("power-off", SLOW).expects
        here, there = expects(situation("node1")), expects(situation("node2"))
        total_s = budget(SLOW.first_service).total_s
        assert (here.fate, here.fenced, here.outage_s) == (
            Fate.MOVES,
            frozenset({"node1"}),
            total_s,
        )
        assert (there.fate, there.fenced) == (Fate.STAYS, frozenset({"node2"}))
        assert there.outage_s == frozen_s(situation("node2"), {"node2"}) < total_s

    def test_of_two_halves_that_with_the_lowest_node_id_lives(self) -> None:
        for target in ("node1", "node2"):
            for active, fate in (("node1", Fate.STAYS), ("node2", Fate.MOVES)):
                expected = find("links-down", SLOW).expects(situation(target, active=active))
                assert expected.fenced == {"node2"}
                assert expected.fate is fate

    def test_unnoticed_is_much_shorter_than_a_failover(self) -> None:
        for parts in (PARTS, SLOW):
            total_s = budget(parts.first_service).total_s
            assert 5 * stall_s(parts.inventory.timing) < total_s

    def test_an_unknown_fault(self) -> None:
        with pytest.raises(
            HalabError, match="lab 'story' has no fault that is called 'earthquake'"
        ):
            find("earthquake", SLOW)

"""Two nodes without a third vote: who serves lives, and who fences it waits first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from drills.catalogue import catalogue, find
from drills.drill import ALL
from drills.expectations import frozen_s
from drills.schedule import EXAM, exam
from drills.situation import Fate
from labs.timing import Timing
from parts.all import Parts
from parts.budget import budget
from parts.membership.corosync import configuration
from parts.quorum.two_node import BASE
from provisioning import cib
from tests.unit.situations import expected, situation
from tests.unit.sketched import STORY, TWO, sketched
from wire.corosync import QuorumView

DELAY_S = 7.0
"""On KVM: a token of 3 s, a second to decide, 1.5 s for an agent to start, and one to be read."""

BOTH = sketched(
    "both",
    services={
        "pages": {"kind": "nginx", "storage": "files", "home": "node1"},
        "records": {"kind": "postgresql", "storage": "rows", "home": "node2"},
    },
    storage={"files": {"kind": "drbd"}, "rows": {"kind": "drbd"}},
    quorum={"kind": "two-node"},
)
"""A mirror in which each node serves."""

SPREAD = sketched(
    "spread",
    services={
        "web": {"kind": "nginx", "runs": "everywhere"},
        "page": {"kind": "nginx", "port": 81},
    },
    quorum={"kind": "two-node"},
)
"""An address of one service on each node, and another service on one of them."""


def view(*members: int, quorate: bool = True) -> QuorumView:
    return QuorumView(quorate, len(members), 2, None, frozenset(members))


def configured(parts: Parts) -> ElementTree.Element:
    return ElementTree.fromstring(cib.desired(parts))


def priorities(parts: Parts) -> dict[str | None, str | None]:
    """Return what the cluster is told of the weight of resources, by their ids."""
    return {
        resource.get("id"): pair.get("value")
        for resource in configured(parts).iterfind("configuration/resources/*")
        for pair in resource.iterfind("meta_attributes/nvpair[@name='priority']")
    }


class TestConfiguration:
    def test_each_may_go_on_alone_and_no_device_is_asked(self) -> None:
        lines = [line.strip() for line in configuration(TWO.inventory, 1).splitlines()]
        assert "two_node: 1" in lines
        assert not {"device {", "wait_for_all: 1"} & set(lines)
        assert "two_node: 1" not in configuration(STORY.inventory, 1)

    def test_the_first_shot_is_left_to_who_counts_more(self) -> None:
        path = "configuration/crm_config//nvpair[@name='priority-fencing-delay']"
        assert [pair.get("value") for pair in configured(TWO).iterfind(path)] == ["7s"]
        assert list(configured(STORY).iterfind(path)) == []

    def test_what_clients_find_counts(self) -> None:
        assert priorities(TWO) == {"service": "1"}
        assert priorities(STORY) == {}

    def test_what_comes_first_counts_more_than_all_that_follows(self) -> None:
        assert priorities(SPREAD) == {"address-1": "25", "address-2": "5", "page-service": "1"}
        largest = max(len(BOTH.members(service)) for service in BOTH.inventory.services)
        # Each member of a group counts what the group does.
        assert largest * sum(BASE**rank for rank in range(8)) < BASE**8

    @pytest.mark.parametrize("timing", [Timing(), Timing(pace=4), Timing(token_ms=30000)])
    def test_it_waits_for_longer_than_the_other_takes(self, timing: Timing) -> None:
        seen_later_s, read_s = timing.token_ms / 1000, 1
        needed_s = seen_later_s + timing.decision_s + timing.slow_start_s + read_s
        assert needed_s <= timing.priority_delay_s < needed_s + 1


class TestSplit:
    @pytest.mark.parametrize("name", ["links-down", "partition", "partition-one-way"])
    def test_who_serves_lives_whoever_is_cut_off(self, name: str) -> None:
        for target in ("node1", "node2"):
            found = expected(TWO, name, target)
            assert (found.fate, found.interrupted) == (Fate.STAYS, False)
            assert found.fenced == found.rebooted == {"node2"}
            # Until then it is quorate as well, and misses the other.
            assert found.missed == {"node1"}
            assert expected(STORY, name, target).missed == frozenset()

    def test_numbers_of_nodes_decide_nothing(self) -> None:
        usual = situation(TWO, "node2")
        holders = dict.fromkeys(usual.holders, "node2")
        found = find("links-down", TWO).expects(replace(usual, holders=holders))
        assert (found.fate, found.fenced) == (Fate.STAYS, frozenset({"node1"}))

    def test_it_does_not_hesitate(self) -> None:
        story = frozen_s(situation(STORY, "node2"), {"node2"})
        assert expected(TWO, "links-down", "node1").outage_s == story

    def test_of_two_that_serve_the_first_service_lives(self) -> None:
        for service, fate in (("pages", Fate.STAYS), ("records", Fate.VISITS)):
            there = situation(BOTH, "node1", service=service)
            found = find("links-down", BOTH).expects(there)
            assert (found.fate, found.fenced) == (fate, frozenset({"node2"}))


class TestDelay:
    """Nobody can tell a dead node from a silent one: fencing who served waits in either case."""

    def test_the_loss_of_who_serves_takes_longer(self) -> None:
        assert budget(TWO.first_service).delay_s == DELAY_S
        plain = expected(STORY, "power-off", "node1").outage_s
        assert expected(TWO, "power-off", "node1").outage_s == pytest.approx(plain + DELAY_S)

    def test_the_loss_of_the_other_does_not(self) -> None:
        one, other = (expected(parts, "power-off", "node2").outage_s for parts in (TWO, STORY))
        assert one == other

    def test_a_service_waits_for_the_node_of_a_more_important_one(self) -> None:
        waits = expected_of(BOTH, "power-off", "node1", service="records").outage_s
        hurries = expected_of(BOTH, "power-off", "node2", service="pages").outage_s
        plain = frozen_s(situation(STORY, "node2"), {"node2"})
        assert hurries == plain
        assert waits == pytest.approx(plain + DELAY_S)

    def test_a_planned_move_waits_for_nobody(self) -> None:
        assert budget(TWO.first_service).move_s == budget(STORY.first_service).move_s


def expected_of(parts: Parts, name: str, *targets: str, service: str) -> Any:
    return find(name, parts).expects(situation(parts, *targets, service=service))


class TestVotes:
    def test_either_goes_on_without_the_other(self) -> None:
        for lost in ("node1", "node2"):
            assert TWO.quorum.is_quorate(view(1, 2), lost={lost})
        assert TWO.quorum.is_quorate(view(1, 2), lost={"monitor"})
        assert not TWO.quorum.is_quorate(view(1, 2), lost={"node1", "node2"})

    def test_who_comes_back_alone_has_not_seen_the_other(self) -> None:
        assert not TWO.quorum.is_quorate(view(2), lost={"node2"}, back={"node1"})
        assert TWO.quorum.is_quorate(view(2), lost=(), back={"node1"})

    def test_who_waits_goes_on_waiting_until_both_are_there(self) -> None:
        waiting = view(1, quorate=False)
        assert not TWO.quorum.is_quorate(waiting, lost=())
        assert TWO.quorum.is_quorate(waiting, lost=(), back={"node2"})


class TestCatalogue:
    def test_what_needs_a_third_vote_is_not_offered(self) -> None:
        lacking = catalogue(STORY).keys() - catalogue(TWO).keys()
        assert lacking == {"quorum-device-lost", "rejoin", "stale-first"}
        assert catalogue(TWO).keys() - catalogue(STORY).keys() == {"first-alone"}
        assert find("first-alone", TWO).target == ALL
        assert [turn.drill.name for turn in exam(TWO, 1)] == [
            name for name in EXAM if name in catalogue(TWO)
        ]

    def test_a_split_teaches_what_is_true_here(self) -> None:
        assert "fences the other" in find("links-down", TWO).teaches
        assert "quorum device" in find("links-down", STORY).teaches

    def test_who_starts_alone_waits(self) -> None:
        found = expected(TWO, "first-alone", "node1", "node2")
        assert (found.fate, found.fenced) == (Fate.RETURNS, frozenset())
        assert found.reasons == (
            "^node1 is not in a quorate partition$",
            "^corosync does not answer on node2$",
        )

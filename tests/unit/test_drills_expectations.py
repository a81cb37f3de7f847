"""What a fault lets happen follows from a lab's parts: who is struck, and for how long."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Any

import pytest

from core.folders import PROJECT
from drills.catalogue import catalogue, find
from drills.errand import PROBE_TIMEOUT
from drills.expectations import frozen_s, restart_s, stall_s
from drills.outside import PROBE_EVERY
from drills.situation import Fate, Situation
from parts.budget import budget, probe_s
from tests.unit.situations import expected, situation
from tests.unit.sketched import (
    BOOKS,
    BOOKS_TABLES,
    SHOP,
    STORY,
    TRIO,
    TRIO_TABLES,
    sketched,
)

TRIO_BUDGET = budget(TRIO.first_service)
CALM_S = stall_s(TRIO.inventory.timing)


class TestOneOfThree:
    """One of three nodes that all serve: its address visits another, the others notice nothing."""

    def check(self, name: str, *, fenced: Collection[str] = (), reasons: tuple[str, ...]) -> None:
        found = expected(TRIO, name, "node2")
        assert (found.fate, found.interrupted) == (Fate.VISITS, True)
        assert found.fenced == found.rebooted == frozenset(fenced)
        assert (found.outage_s, found.spared_s) == (TRIO_BUDGET.total_s, CALM_S)
        assert found.struck(["node2"]) == {"node2"}
        assert found.reasons == reasons
        assert not found.verify

    @pytest.mark.parametrize(
        "name",
        ["power-off", "reset", "hang", "corosync-killed", "sbd-killed", "partition", "links-down"],
    )
    def test_it_is_lost(self, name: str) -> None:
        self.check(name, fenced={"node2"}, reasons=())

    def test_it_has_no_cable(self) -> None:
        reason = "^node2 has no cable into the service network"
        self.check("service-cable-lost", reasons=(reason,))

    def test_it_is_sent_away(self) -> None:
        self.check("standby", reasons=("^node2 is in standby",))

    def test_it_cannot_come_back(self) -> None:
        self.check("wrong-configuration", reasons=("^corosync does not answer on node2$",))

    def test_the_majority_lives_wherever_the_lowest_node_is(self) -> None:
        for node in ("node1", "node2", "node3"):
            assert expected(TRIO, "partition", node).fenced == {node}
        others = expected(TRIO, "partition", "node1", "node2")
        assert others.fenced == others.struck(["node1", "node2"]) == {"node3"}

    def test_its_server_dies(self) -> None:
        found = expected(TRIO, "service-killed", "node2")
        timing = TRIO.inventory.timing
        assert (found.fate, found.interrupted, found.fenced) == (Fate.STAYS, True, frozenset())
        # The monitor's interval, 2 s, the server's start, and what an address takes after it.
        assert found.outage_s == restart_s(situation(TRIO)) == 10 + 2 + (2.0 + 3.5) * timing.pace
        assert found.spared_s == CALM_S

    def test_it_hiccups(self) -> None:
        found = expected(TRIO, "stall", "node2")
        assert (found.fate, found.spared_s) == (Fate.STAYS, CALM_S)
        assert found.outage_s > CALM_S

    def test_who_is_beside_the_fault_may_miss_no_more_than_a_moment(self) -> None:
        for name in catalogue(TRIO).keys() - {"blackout"}:
            found = expected(TRIO, name, "node2")
            nodes = ["node1", "node2", "node3"]
            assert found.allowed_s("node2", ["node2"], nodes) == found.outage_s
            assert found.allowed_s("node1", ["node2"], nodes) == CALM_S, name

    def test_all_are_lost(self) -> None:
        found = expected(TRIO, "blackout", "node1", "node2", "node3")
        assert (found.fate, found.verify) == (Fate.RETURNS, False)
        assert found.allowed_s("node3", ["node1", "node2", "node3"], ["node3"]) == found.outage_s


@pytest.mark.parametrize("name", catalogue(STORY))
def test_where_one_serves_nobody_is_beside_the_fault(name: str) -> None:
    for target in ("node1", "node2"):
        found = expected(STORY, name, target)
        assert found.allowed_s("node1", [target], ["node1"]) == found.outage_s


class TestBudget:
    @pytest.mark.parametrize("addresses", [1, 3, 8])
    def test_the_client_looks_as_often_as_its_share_says(self, addresses: int) -> None:
        rhythm = addresses * PROBE_EVERY + PROBE_TIMEOUT
        assert probe_s(addresses) == pytest.approx(rhythm)

    def test_nothing_is_promoted_and_no_filesystem_mounted(self) -> None:
        timing = TRIO.inventory.timing
        story = budget(STORY.first_service)
        assert TRIO_BUDGET.promotion_s == 0
        assert TRIO_BUDGET.start_s == 3.5 * timing.pace < story.start_s
        assert (TRIO_BUDGET.probe_s, story.probe_s) == (1.4, 1.0)
        assert (TRIO_BUDGET.detection_s, TRIO_BUDGET.fencing_s) == (
            story.detection_s,
            story.fencing_s,
        )

    def test_a_database_takes_longer_to_start(self) -> None:
        assert budget(BOOKS.first_service).start_s > budget(STORY.first_service).start_s

    def test_without_data_nobody_waits_for_the_fencing_of_another(self) -> None:
        assert frozen_s(situation(TRIO), {"node1"}) == CALM_S
        assert frozen_s(situation(BOOKS), {"node1"}) > 5 * CALM_S


@pytest.mark.parametrize("pace", ["kvm", "emulation"])
@pytest.mark.parametrize(
    "tables",
    [{}, TRIO_TABLES, BOOKS_TABLES, {"quorum": {"kind": "two-node"}}],
    ids=["story", "trio", "books", "two"],
)
def test_the_manual_tells_what_failovers_may_take(pace: str, tables: dict[str, Any]) -> None:
    manual = (PROJECT / "docs" / "lab-definition.md").read_text()
    section = manual.partition("### The failover budget")[2].partition("\n## ")[0]
    part = sketched("manual", platform={"pace": pace}, **tables).first_service
    assert re.search(rf"\b{budget(part).total_s:g}\b", section)


class TestSecondService:
    def test_its_faults_are_judged_by_what_becomes_of_it(self) -> None:
        drill = find("books-service-killed", SHOP)
        assert drill.about(SHOP) is SHOP.services["books"]
        assert find("power-off", SHOP).about(SHOP) is SHOP.first_service
        part = SHOP.services["books"]
        found = drill.expects(situation(SHOP, "node1", service="books"))
        assert found.outage_s == restart_s(Situation(part, {}, frozenset()))

    def test_its_storage_is_named_in_what_status_has_to_say(self) -> None:
        assert expected(SHOP, "ledger-data-disk-lost", "node1").reasons == (
            r"^the replicated disk ledger on \S+ is \w+, not UpToDate$",
        )
        assert expected(SHOP, "ledger-split-brain", "node2").reasons == (
            r"^replication of ledger on \S+ is StandAlone, not Connected$",
        )
        assert expected(SHOP, "ledger-stale-first", "node1", "node2").reasons == (
            r"^node1 waits for .*, which (?:may have|has) newer data of ledger$",
        )
        assert expected(SHOP, "data-disk-lost", "node1").reasons == (
            r"^the replicated disk on \S+ is \w+, not UpToDate$",
        )

    def test_it_may_be_elsewhere_and_stays_there(self) -> None:
        part = SHOP.services["books"]
        [address] = part.service.addresses
        drill = find("ledger-replica-detached", SHOP)
        there = Situation(part, {IPv4Address(address.ip): "node2"}, frozenset({"node1"}))
        assert drill.expects(there).fate is Fate.STAYS

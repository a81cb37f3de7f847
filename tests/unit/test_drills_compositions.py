"""Each lab is offered exactly what it can do, and each fault expects what its parts let happen."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address
from itertools import islice
from random import Random

import pytest

from core.errors import HalabError
from drills.catalogue import catalogue, find
from drills.expectations import Expected, Fate, Situation, frozen_s, restart_s, stall_s
from drills.schedule import EXAM, exam, soak
from drills.targets import WORDS, resolve
from parts.all import Parts
from parts.budget import budget
from status.collect import describe
from status.model import LabStatus
from tests.unit.healthy_lab import healthy
from tests.unit.sketched import BOOKS, LABS, SHOP, STORY, TRIO, name_of

OF_DATA = {
    *("data-disk-lost", "replica-detached", "filesystem-full"),
    *("replication-cut", "split-brain", "rejoin", "stale-first"),
}
OF_SERVICES = {"service-killed", "service-master-killed", "resource-failed"}

TRIO_BUDGET = budget(TRIO.first_service)
CALM_S = stall_s(TRIO.inventory.timing)


def situation(parts: Parts, *targets: str, service: str | None = None) -> Situation:
    """Return whom a fault hits in a healthy lab."""
    part = parts.first_service if service is None else parts.services[service]
    nodes = [node.name for node in parts.inventory.nodes]
    holders = {
        address.ip: node for address, node in zip(part.service.addresses, nodes, strict=False)
    }
    return Situation(part, holders, frozenset(targets))


def expected(parts: Parts, name: str, *targets: str) -> Expected:
    drill = find(name, parts)
    return drill.expects(situation(parts, *targets, service=drill.service))


def status(parts: Parts) -> LabStatus:
    return describe(parts, healthy(parts), None)


class TestCatalogue:
    def test_without_data_nothing_can_happen_to_them(self) -> None:
        assert catalogue(STORY).keys() - catalogue(TRIO).keys() == {
            *OF_DATA,
            "quorum-device-lost",
        }
        assert catalogue(TRIO).keys() <= catalogue(STORY).keys()

    def test_a_database_has_the_faults_of_a_web_server(self) -> None:
        assert list(catalogue(BOOKS)) == list(catalogue(STORY))
        assert find("service-killed", BOOKS).title == "The service books dies"

    def test_a_second_service_has_faults_of_its_own(self) -> None:
        own = {f"books-{name}" for name in OF_SERVICES} | {f"ledger-{name}" for name in OF_DATA}
        assert catalogue(SHOP).keys() == catalogue(STORY).keys() | own
        assert {find(name, SHOP).about(SHOP).service.name for name in own} == {"books"}

    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_no_fault_takes_the_name_of_another(self, parts: Parts) -> None:
        for name, drill in catalogue(parts).items():
            assert drill.name == name
        every = sum(len(OF_SERVICES) for _ in parts.services)
        every += sum(len(OF_DATA) for _ in parts.storage)
        common = catalogue(TRIO).keys() - OF_SERVICES
        device = parts.inventory.quorum == "device"
        assert len(catalogue(parts)) == len(common) + every + device

    def test_what_a_lab_cannot_do_is_refused_with_what_it_can(self) -> None:
        with pytest.raises(HalabError, match=r"lab 'trio' has no fault .* 'split-brain'") as raised:
            find("split-brain", TRIO)
        hint = str(raised.value.hint)
        assert "`./halab drills trio`" in hint
        assert "power-off" in hint and "replication-cut" not in hint

    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_what_decides_is_what_the_lab_has(self, parts: Parts) -> None:
        device = "quorum device" in find("links-down", parts).teaches
        assert device == (parts.inventory.quorum == "device")

    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_every_fault_expects_something_of_whomever_it_hits(self, parts: Parts) -> None:
        nodes = {node.name for node in parts.inventory.nodes}
        for name in catalogue(parts):
            for node in nodes:
                found = expected(parts, name, node)
                assert found.fenced | found.rebooted <= nodes
                for holder in nodes:
                    assert found.allowed_s(holder, [node], nodes) > 0, name

    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_every_fault_finds_somebody_to_hit(self, parts: Parts) -> None:
        for drill in catalogue(parts).values():
            service = drill.about(parts).service.name
            targets = resolve(drill.target, status(parts), service, Random(1))
            assert 0 < len(targets) <= drill.most


class TestTargets:
    def test_where_all_serve_any_of_them_is_active_and_nobody_stands_by(self) -> None:
        hit = {resolve("active", status(TRIO), "web", Random(seed)) for seed in range(50)}
        assert hit == {("node1",), ("node2",), ("node3",)}
        with pytest.raises(HalabError, match=r"no machine of lab 'trio' is 'standby' now"):
            resolve("standby", status(TRIO), "web", Random(1))

    def test_one_of_three_is_a_minority_and_two_are_a_majority(self) -> None:
        assert len(resolve("minority", status(TRIO), "web", Random(1))) == 1
        assert len(resolve("majority", status(TRIO), "web", Random(1))) == 2
        assert resolve("all", status(TRIO), "web", Random(1)) == ("node1", "node2", "node3")

    def test_who_is_active_depends_on_the_service(self) -> None:
        web, books = status(SHOP).services
        apart = status(SHOP).model_copy(
            update={"services": (web, books.model_copy(update={"nodes": ("node2",)}))}
        )
        assert resolve("active", apart, "web", Random(1)) == ("node1",)
        assert resolve("active", apart, "books", Random(1)) == ("node2",)
        assert resolve("standby", apart, "books", Random(1)) == ("node1",)

    def test_the_same_seed_hits_the_same_node(self) -> None:
        for word in WORDS:
            if word != "standby":
                one, other = (resolve(word, status(TRIO), "web", Random(7)) for _ in range(2))
                assert one == other


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
        # The monitor's interval, 2 s, the server's start and the address's.
        assert found.outage_s == restart_s(situation(TRIO)) == 10 + 2 + (2.0 + 1.5) * timing.pace
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
    def test_nothing_is_promoted_and_no_filesystem_mounted(self) -> None:
        timing = TRIO.inventory.timing
        story = budget(STORY.first_service)
        assert TRIO_BUDGET.promotion_s == 0
        assert TRIO_BUDGET.start_s == 1.5 * timing.pace < story.start_s
        # Three addresses are asked in turn.
        assert (TRIO_BUDGET.probe_s, story.probe_s) == (1.4, 1.0)
        assert (TRIO_BUDGET.detection_s, TRIO_BUDGET.fencing_s) == (
            story.detection_s,
            story.fencing_s,
        )

    def test_a_database_takes_longer_to_start(self) -> None:
        assert budget(BOOKS.first_service).start_s > budget(STORY.first_service).start_s

    def test_without_data_nobody_waits_for_the_fencing_of_another(self) -> None:
        assert frozen_s(situation(TRIO)) == CALM_S
        assert frozen_s(situation(BOOKS)) > 5 * CALM_S


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


class TestSeries:
    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_the_exam_is_what_the_lab_can_be_asked(self, parts: Parts) -> None:
        names = [turn.drill.name for turn in exam(parts, 1)]
        assert names == [name for name in EXAM if name in catalogue(parts)]
        missing = set(EXAM) - set(names)
        assert missing == ({"quorum-device-lost", "replication-cut"} if parts is TRIO else set())

    def test_an_exam_asks_nothing_that_the_lab_cannot_do(self) -> None:
        with pytest.raises(HalabError, match=r"lab 'trio' has no fault .* 'rejoin'"):
            exam(TRIO, 1, ["power-off", "rejoin"])
        assert [turn.target for turn in exam(TRIO, 1, ["wrong-configuration"])] == ["any"]

    def test_a_soak_asks_for_nobody_who_stands_by_where_nobody_does(self) -> None:
        turns = list(islice(soak(TRIO, 3), 300))
        assert {turn.drill.name for turn in turns} <= catalogue(TRIO).keys()
        assert {turn.target for turn in turns} == {"active"}

    def test_a_soak_comes_to_both_services(self) -> None:
        turns = list(islice(soak(SHOP, 3), 500))
        assert {turn.drill.about(SHOP).service.name for turn in turns} == {"web", "books"}
        assert {"active", "standby"} <= {turn.target for turn in turns}

    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_a_soak_is_drawn_again_by_its_seed(self, parts: Parts) -> None:
        def drawn(seed: int) -> list[tuple[str, str, int]]:
            known = catalogue(parts)
            turns = islice(soak(parts, seed), 30)
            return [(known[turn.drill.name].name, turn.target, turn.seed) for turn in turns]

        assert drawn(5) == drawn(5) != drawn(6)

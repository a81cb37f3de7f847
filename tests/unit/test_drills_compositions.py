"""Each lab is offered exactly what it can do, whomever it hits, one at a time and in series."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest

from core.errors import HalabError
from drills.catalogue import catalogue, every, find
from drills.schedule import EXAM, exam, soak
from drills.targets import WORDS, resolve
from parts.all import Parts
from status.collect import describe
from status.model import LabStatus
from tests.unit.healthy_lab import healthy
from tests.unit.situations import expected
from tests.unit.sketched import BOOKS, LABS, SHOP, STORY, TRIO, name_of

OF_DATA = {
    *("data-disk-lost", "slow-disk", "replica-detached", "filesystem-full"),
    *("replication-cut", "split-brain", "rejoin", "stale-first"),
}
OF_SERVICES = {"service-killed", "service-master-killed", "resource-failed"}


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
        names = Counter(drill.name for drill in every(parts))
        assert {name for name, count in names.items() if count > 1} == set()

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
            targets = resolve(drill.target, status(parts), drill.about(parts), Random(1))
            assert 0 < len(targets) <= drill.most


class TestTargets:
    def test_where_all_serve_any_of_them_is_active_and_nobody_stands_by(self) -> None:
        hit = {
            resolve("active", status(TRIO), TRIO.first_service, Random(seed)) for seed in range(50)
        }
        assert hit == {("node1",), ("node2",), ("node3",)}
        with pytest.raises(HalabError, match=r"no machine of lab 'trio' is 'standby' now"):
            resolve("standby", status(TRIO), TRIO.first_service, Random(1))

    def test_all_are_all_three(self) -> None:
        assert resolve("all", status(TRIO), TRIO.first_service, Random(1)) == (
            "node1",
            "node2",
            "node3",
        )

    def test_who_is_active_depends_on_the_service(self) -> None:
        web, books = status(SHOP).services
        apart = status(SHOP).model_copy(
            update={"services": (web, books.model_copy(update={"nodes": ("node2",)}))}
        )
        assert resolve("active", apart, SHOP.services["web"], Random(1)) == ("node1",)
        assert resolve("active", apart, SHOP.services["books"], Random(1)) == ("node2",)
        assert resolve("standby", apart, SHOP.services["books"], Random(1)) == ("node1",)

    def test_the_same_seed_hits_the_same_node(self) -> None:
        for word in WORDS:
            if word != "standby":
                one, other = (
                    resolve(word, status(TRIO), TRIO.first_service, Random(7)) for _ in range(2)
                )
                assert one == other


class TestSeries:
    @pytest.mark.parametrize("parts", LABS, ids=name_of)
    def test_the_exam_is_what_the_lab_can_be_asked(self, parts: Parts) -> None:
        names = [turn.drill.name for turn in exam(parts, 1)]
        assert set(names) <= catalogue(parts).keys()
        assert [name for name in names if name in EXAM] == [
            name for name in EXAM if name in catalogue(parts)
        ]
        of_data = set() if parts.replicas else {"replication-cut"}
        of_device = set() if parts.inventory.quorum == "device" else {"quorum-device-lost"}
        headed = parts.first_service.process.end_first is not None
        of_process = set() if headed else {"service-master-killed"}
        of_some = {"export-removed", "shared-disk-lost", "lock-manager-killed"}
        assert set(EXAM) - set(names) - of_some == of_data | of_device | of_process

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

"""Services that are placed by others: what is refused, what the cluster is told, what comes of it.

What Pacemaker's own scheduler says of such a lab is compared with what drills expect in it.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from drills.catalogue import catalogue
from drills.expectations import Expected, stall_s
from drills.situation import Fate
from infra.planning import sketch
from labs.changes import compare
from labs.checking import check
from labs.effects import Effect
from labs.model import Lab
from labs.placement import seats
from parts.all import Parts
from parts.budget import budget
from parts.constraints import Colocation, Order, Preference
from provisioning import cib
from status.collect import describe
from status.events import single_failures
from tests.unit.broken_lab import broken, sentences
from tests.unit.composed_labs import LABS, PLACED
from tests.unit.definitions import GOOD, problems, the_problem
from tests.unit.healthy_lab import healthy
from tests.unit.provisioned_lab import inventory
from tests.unit.scheduled import Scheduled
from tests.unit.situations import situation
from updates.rolling import MOVES, allowed

LAB = LABS["placed"]
PARTS = Parts(LAB)
SAID = Scheduled(PARTS, "placement")
THREE = {"names": ["node1", "node2", "node3"]}
STORES = {"data": {"kind": "drbd", "nodes": ["node1", "node2"]}}
ALL = {"runs": "everywhere"}


def services(**own: dict[str, Any]) -> dict[str, Any]:
    """Return web servers of these names and keys, each at a port of its own."""
    return {
        name: {"kind": "nginx", "port": 8000 + number, **keys}
        for number, (name, keys) in enumerate(own.items())
    }


def parts(**own: dict[str, Any]) -> Parts:
    """Return the parts of three nodes with these services."""
    return Parts(inventory(nodes=THREE, services=services(**own)))


class TestDefinition:
    def test_who_places_has_to_be_there_and_to_run_on_one_node(self) -> None:
        found = problems(
            nodes=THREE, services=services(a=ALL, b={"follows": "c", "after": ["a"]}, d={})
        )
        assert {key: problem.value for key, problem in found.items()} == {
            "services.b.follows": '"c"',
            "services.b.after": '"a"',
        }
        assert found["services.b.follows"].allowed == 'services that run on "one-node": "d"'
        assert found["services.b.after"].hint.startswith("[services.a] runs on every node")

    @pytest.mark.parametrize("key", ["follows", "apart", "after"])
    def test_nobody_is_placed_by_himself(self, key: str) -> None:
        value = "a" if key == "follows" else ["a"]
        found = the_problem(nodes=THREE, services=services(a={key: value}, b={}))
        assert (found.key, found.hint) == (f"services.a.{key}", "it cannot be placed by itself")

    @pytest.mark.parametrize("key", ["follows", "apart", "after"])
    def test_what_runs_everywhere_is_placed_by_nobody(self, key: str) -> None:
        value = "b" if key == "follows" else ["b"]
        found = the_problem(nodes=THREE, services=services(a={**ALL, key: value}, b={}))
        assert (found.key, found.value) == (f"services.a.{key}", '"b" (runs "everywhere")')

    def test_once_is_enough(self) -> None:
        found = the_problem(nodes=THREE, services=services(a={}, b={"after": ["a", "a"]}))
        assert (found.key, found.hint) == ("services.b.after", "once will do")

    def test_stickiness_is_weighed_against_a_home(self) -> None:
        found = the_problem(services=services(a={"stickiness": 500}))
        assert (found.key, found.value) == ("services.a.stickiness", "500")
        assert "without one a service stays wherever it is" in found.hint
        everywhere = the_problem(services=services(a={"stickiness": 500, **ALL}))
        assert everywhere.hint.startswith("each address of it is at home on a node")

    @pytest.mark.parametrize("value", [0, 3001, "high"])
    def test_stickiness_is_a_number_that_a_lost_cable_outweighs(self, value: object) -> None:
        found = the_problem(services=services(a={"home": "node1", "stickiness": value}))
        assert found.allowed == "a whole number from 1 to 3000; of a service that has a home"

    def test_who_follows_wants_nothing_for_itself(self) -> None:
        own = {"follows": "a", "home": "node1", "stickiness": 5}
        found = problems(nodes=THREE, services=services(a={}, b=own))
        assert set(found) == {"services.b.home", "services.b.stickiness"}
        assert {each.hint for each in found.values()} == {
            "it goes where [services.a] goes: say it there"
        }

    def test_replicated_data_follow_nobody(self) -> None:
        own = {"follows": "a", "storage": "data"}
        found = the_problem(nodes=THREE, services=services(a={}, b=own), storage=STORES)
        assert (found.key, found.value) == ("services.b.follows", '"a" (storage "data")')
        assert "let [services.a] follow this one" in found.hint

    def test_nobody_follows_a_follower(self) -> None:
        found = the_problem(
            nodes=THREE, services=services(a={}, b={"follows": "a"}, c={"follows": "b"})
        )
        assert (found.key, found.hint) == (
            "services.c.follows",
            '[services.b] follows "a": name that',
        )
        round_about = problems(
            nodes=THREE, services=services(a={"follows": "b"}, b={"follows": "a"})
        )
        assert set(round_about) == {"services.a.follows", "services.b.follows"}

    def test_nobody_follows_whom_it_is_apart_from(self) -> None:
        found = the_problem(
            nodes=THREE, services=services(a={}, b={"follows": "a", "apart": ["a"]})
        )
        assert (found.key, found.value) == ("services.b.apart", '"a" and "b"')
        assert found.hint == "nothing can follow a service and be apart from it"

    def test_replicated_data_cannot_give_way(self) -> None:
        found = the_problem(
            nodes=THREE,
            services=services(a={"storage": "data"}, b={"apart": ["a"]}),
            storage=STORES,
        )
        assert (found.key, found.value) == ("services.b.apart", '"a" (storage "data")')
        assert "the service would be nowhere" in found.hint

    def test_one_home_is_not_for_two_that_are_apart(self) -> None:
        own = {"home": "node1"}
        found = the_problem(nodes=THREE, services=services(a=own, b={**own, "apart": ["a"]}))
        assert (found.key, found.value) == (
            "services.b.apart",
            '"a" and "b", both at home on node1',
        )

    def test_there_is_a_node_for_each_and_one_to_lose(self) -> None:
        found = the_problem(services=services(a={}, b={"apart": ["a"]}))
        assert (found.key, found.value) == ("services.b.apart", "2 services (2 nodes)")
        assert found.allowed.startswith("3 nodes or more")
        # Two that need not be apart from each other may be wherever they are.
        star = the_problem(
            nodes=THREE, services=services(a={}, b={"apart": ["a"]}, c={"apart": ["a"]})
        )
        assert star.value == "3 services (3 nodes)"
        assert star.hint == 'with fewer, "a" would have nowhere to go when its node fails'

    def test_a_circle_never_starts(self) -> None:
        after = {"a": ["c"], "b": ["a"], "c": ["b"]}
        own = {name: {"after": others} for name, others in after.items()}
        found = the_problem(nodes=THREE, services=services(**own, d={"after": ["a"]}))
        assert found.key == "services.a.after"
        assert found.hint == "none of them would ever start: a after c after b after a"

    def test_what_is_left_open_is_as_it_was(self) -> None:
        assert parts(a={}, b={}).constraints() == parts(a={}, b={"apart": []}).constraints()


class TestCluster:
    def test_it_is_told_of_groups(self) -> None:
        found = [
            each
            for each in PARTS.constraints()
            if isinstance(each, Colocation | Order | Preference)
        ]
        assert found[2:] == [
            Preference("service", "node1", 1000),
            Preference("shop-service", "node1", 1000),
            Preference("tell-service", "node2", 1000),
            Colocation("shop-service", "service"),
            Colocation("show-service", "tell-service", score="-INFINITY"),
            Order("service", "start", "shop-service"),
            Order("service", "start", "show-service"),
        ]

    def test_of_two_that_are_apart_the_later_one_yields_whoever_says_so(self) -> None:
        told = [
            [each for each in found.constraints() if isinstance(each, Colocation)]
            for found in (parts(a={}, b={"apart": ["a"]}), parts(a={"apart": ["b"]}, b={}))
        ]
        assert told[0] == told[1] == [Colocation("b-service", "service", score="-INFINITY")]

    def test_all_resources_of_a_service_want_together_what_it_wants(self) -> None:
        def each_wants(stickiness: int) -> int | None:
            found = parts(a={"home": "node1", "stickiness": stickiness})
            return found.stickiness(found.services["a"].service)

        # A web server and its address.
        assert [each_wants(total) for total in (1, 999, 1000, 1001, 3000)] == [
            *(1, 499),
            *(500, 501, 1500),
        ]
        root = ElementTree.fromstring(cib.desired(PARTS))
        [told] = root.iterfind(".//group/meta_attributes/nvpair[@name='resource-stickiness']")
        assert (told.get("id"), told.get("value")) == ("tell-service-resource-stickiness", "750")

    def test_what_is_no_longer_said_is_taken_back_and_a_persons_own_stays(self) -> None:
        plain = Parts(inventory(nodes=THREE, services=_without_wishes(), storage=STORES))
        own = '<rsc_colocation id="mine" rsc="show-service" with-rsc="service" score="5"/>'
        running = cib.desired(PARTS).replace("</constraints>", f"{own}</constraints>")
        said = [step.what for step in cib.corrections(running, cib.desired(plain))]
        assert {what for what in said if what.endswith("removed")} == {
            "constraint service-at-home removed",
            "constraint shop-service-at-home removed",
            "constraint tell-service-at-home removed",
            "constraint shop-service-with-service removed",
            "constraint show-service-apart-from-tell-service removed",
            "constraint shop-service-after-service removed",
            "constraint show-service-after-service removed",
        }
        assert "mine" not in " ".join(said)
        assert [step.what for step in cib.corrections(cib.desired(PARTS), cib.desired(PARTS))] == []

    def test_a_change_says_whether_somebody_has_to_move(self) -> None:
        def lab(**own: dict[str, Any]) -> Lab:
            return check("my.toml", {**GOOD, "nodes": THREE, "services": services(**own)}, Lab)

        free = lab(a={"home": "node1"}, b={})
        tied = lab(a={"home": "node1", "stickiness": 2000}, b={"apart": ["a"], "after": ["a"]})
        assert {str(each).partition(": ")[0]: each.effect for each in compare(free, tied)} == {
            "services.a.stickiness": Effect.STAYS,
            "services.b.apart": Effect.RESEATED,
            "services.b.after": Effect.LIVE,
        }


def _without_wishes() -> dict[str, Any]:
    wishes = {"home", "stickiness", "follows", "apart", "after"}
    return {
        name: {key: value for key, value in keys.items() if key not in wishes}
        for name, keys in PLACED.items()
    }


class TestSeats:
    def test_each_is_at_home_or_where_nobody_is_in_its_way(self) -> None:
        assert LAB.seats == {"books": "node1", "shop": "node1", "tell": "node2", "show": "node1"}
        found = parts(a={"apart": ["c"]}, b={}, c={"home": "node1"}).inventory
        assert found.seats == {"a": "node2", "b": "node1", "c": "node1"}

    def test_a_lab_that_nobody_has_built_says_the_same(self) -> None:
        own = services(a={}, b={"apart": ["a"]}, c={"follows": "b"})
        found = sketch(check("my.toml", {**GOOD, "nodes": THREE, "services": own}, Lab))
        assert found.seats == {"a": "node1", "b": "node2", "c": "node2"}
        tables = {each.name: each.settings for each in found.services}
        assert seats(tables, {name: ["node3", "node1"] for name in own})["c"] == "node1"

    def test_who_follows_can_be_where_the_other_can_and_comes_home_with_it(self) -> None:
        shop = LAB.service("shop")
        assert [node.name for node in LAB.places(shop)] == ["node1", "node2"]
        assert set(LAB.homes(shop).values()) == {"node1"}
        assert LAB.homes(LAB.service("tell")) == {}


class TestStatus:
    def seen(self, at: dict[str, str]) -> tuple[str, ...]:
        """Return what is wrong where services have their addresses there."""
        found = healthy(PARTS)
        for node in LAB.nodes:
            addresses = frozenset(
                address.ip
                for service in LAB.services
                for address in service.addresses
                if at[service.name] == node.name
            )
            found = broken(node.name, seen=found, addresses=addresses)
        return sentences(found, PARTS)

    def test_where_each_is_where_it_may_be_nothing_is_wrong(self) -> None:
        assert describe(PARTS, healthy(PARTS), None).healthy

    def test_who_has_stayed_away_from_a_home_that_it_does_not_return_to_is_right(self) -> None:
        found = self.seen({**LAB.seats, "tell": "node3"})
        assert not [reason for reason in found if "home" in reason]

    def test_who_is_beside_whom_it_shall_not_be_is_wrong_and_who_stayed_behind(self) -> None:
        found = self.seen({**LAB.seats, "show": "node2", "shop": "node3"})
        assert "services tell and show are both on node2, and shall be apart" in found
        assert "service shop is on node3, and books, which it follows, on node1" in found


EVENTS = [event.words for event in single_failures(LAB)]


class TestScheduler:
    """Pacemaker's own: each key does what it says, and drills expect no less and no more."""

    def test_it_was_told_what_the_cluster_is_told_today(self) -> None:
        SAID.check_told()

    def test_at_first_everybody_is_where_it_belongs(self) -> None:
        assert SAID.places("now") == {**LAB.seats, "show": "node3"}

    def test_who_follows_goes_along_and_comes_home_along(self) -> None:
        for event in ("power-off node1", "standby node1", "power-off node3", "return node1"):
            found = SAID.places(event)
            assert found["shop"] == found["books"], event
        assert SAID.places("power-off node1")["shop"] == "node2"
        assert SAID.places("return node1")["shop"] == "node1"

    def test_two_that_are_apart_never_meet(self) -> None:
        for event in (*EVENTS, "return node1", "return node2"):
            found = SAID.places(event)
            assert found["tell"] != found["show"], event

    def test_with_enough_stickiness_it_stays_away_from_its_home(self) -> None:
        assert SAID.places("power-off node2")["tell"] == "node1"
        assert SAID.places("return node2")["tell"] == "node1"

    def test_who_starts_after_another_is_stopped_with_it_wherever_it_is(self) -> None:
        again = {name for name, _ in SAID.captured("fail books").again}
        assert again >= {"books", "shop", "show"}
        assert "tell" not in again

    @pytest.mark.parametrize("service", PLACED)
    @pytest.mark.parametrize("event", EVENTS)
    def test_drills_expect_what_it_says(self, event: str, service: str) -> None:
        SAID.check(event, service)


class TestDrills:
    """A service that starts after another has the time of both."""

    def test_its_clients_wait_for_the_other_and_then_for_its_own_start(self) -> None:
        books, show = (SAID.foretold("power-off node1", name) for name in ("books", "show"))
        again_s = 2 * budget(PARTS.services["show"]).start_s
        assert (show.fate, show.interrupted, show.return_s) == (Fate.STAYS, True, None)
        # Both gaps are its own: where it stays, nobody tells the first from that of the homecoming.
        assert books.return_s is not None
        assert show.outage_s == round(max(books.outage_s, books.return_s) + again_s, 1)

    def test_who_goes_along_comes_home_after_the_other(self) -> None:
        books, shop = (SAID.foretold("power-off node1", name) for name in ("books", "shop"))
        again_s = 2 * budget(PARTS.services["shop"]).start_s
        assert shop.fate is books.fate is Fate.VISITS
        assert books.return_s is not None and shop.return_s is not None
        assert shop.outage_s == round(
            max(books.outage_s, shop_alone("power-off").outage_s) + again_s, 1
        )
        assert shop.return_s >= round(books.return_s + again_s, 1)

    def test_a_fault_of_the_other_is_one_of_its_own_and_not_the_other_way_round(self) -> None:
        killed = {name: SAID.foretold("fail books", name) for name in PLACED}
        assert [name for name, each in killed.items() if each.interrupted] == [
            *("books", "shop", "show")
        ]
        again_s = 2 * budget(PARTS.services["show"]).start_s
        assert killed["show"].outage_s == round(killed["books"].outage_s + again_s, 1)
        assert not SAID.foretold("fail show", "books").interrupted

    def test_a_chain_has_the_time_of_all(self) -> None:
        chain = parts(a={"home": "node1"}, b={"after": ["a"]}, c={"after": ["b"]})
        drill = catalogue(chain)["service-killed"]
        a, b, c = (drill.expected(situation(chain, "node1", service=name)) for name in "abc")
        again_s = 2 * budget(chain.services["c"]).start_s
        assert (b.outage_s, c.outage_s) == (
            round(a.outage_s + again_s, 1),
            round(b.outage_s + again_s, 1),
        )

    def test_an_update_may_silence_it_while_the_other_moves(self) -> None:
        show, books = PARTS.services["show"], PARTS.services["books"]
        [address] = [str(each.ip) for each in show.service.addresses]
        both_s = budget(show).move_s + budget(books).move_s
        assert allowed(PARTS, {"books"})[address] == pytest.approx(MOVES * both_s)
        assert allowed(PARTS, {"books", "show"})[address] == pytest.approx(MOVES * both_s)
        assert allowed(PARTS, {"tell"})[address] == stall_s(show.timing)


def shop_alone(name: str) -> Expected:
    """Return what would happen to the follower if it did not wait for anybody."""
    there = situation(PARTS, "node1", service="shop")
    return catalogue(PARTS)[name].expects(there)

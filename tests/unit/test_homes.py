"""Services at home on a node: what the cluster is told, what status says, how a change is told."""

from __future__ import annotations

from typing import Any

import pytest

from infra.planning import sketch
from labs.changes import compare
from labs.effects import Effect
from labs.model import Lab
from parts.addresses import cable, home
from parts.all import Parts
from parts.constraints import Location, Preference
from parts.pacemaker import STICKINESS
from parts.seen import Seen
from provisioning import cib
from status.collect import describe
from tests.unit.broken_lab import broken, seen_by_cluster, sentences, view_of
from tests.unit.composed_labs import LABS
from tests.unit.definitions import the_problem
from tests.unit.healthy_lab import healthy
from tests.unit.sketched import MIRROR, SHOP, TRIO, sketched
from wire.pacemaker import Role

STORE = {"data": {"kind": "drbd"}}
GOOD_DATA = 10000
"""What DRBD's agent says of a node with good data."""


def service(**keys: Any) -> dict[str, Any]:
    return {"web": {"kind": "nginx", "storage": "data", **keys}}


def parts(**keys: Any) -> Parts:
    return sketched("demo", services=service(**keys), storage=STORE)


class TestDefinition:
    def test_a_home_that_is_no_node_is_refused_with_those_that_are(self) -> None:
        found = the_problem(services=service(home="node9"), storage=STORE)
        assert (found.key, found.value) == ("services.web.home", '"node9"')
        assert found.allowed == 'the name of a node: "node1", "node2"'

    def test_what_runs_everywhere_is_at_home_address_by_address(self) -> None:
        everywhere = {"web": {"kind": "nginx", "runs": "everywhere", "home": "node1"}}
        found = the_problem(services=everywhere)
        assert (found.key, found.allowed) == (
            "services.web.home",
            'a home of a service that runs on "one-node"',
        )
        assert found.hint.startswith("each of its addresses is at home on a node")

    def test_a_home_may_change_come_and_go_while_the_lab_runs(self) -> None:
        def lab(**keys: Any) -> Lab:
            tables = {"services": service(**keys), "storage": STORE}
            return Lab.model_validate({"version": 1, "name": "demo", **tables})

        def told(before: Lab, after: Lab) -> dict[str, Effect]:
            """Return what each change costs, by key and values."""
            return {
                str(each).rpartition(f": {each.effect}")[0]: each.effect
                for each in compare(before, after)
            }

        free, first, second = lab(), lab(home="node1"), lab(home="node2")
        assert told(first, second) == {'services.web.home: "node1" -> "node2"': Effect.REHOMED}
        assert told(free, first) == {'services.web.home: not set -> "node1"': Effect.REHOMED}
        # Nothing draws it anywhere any more.
        assert told(first, free) == {'services.web.home: "node1" -> not set': Effect.STAYS}
        assert compare(first, first) == ()

    @pytest.mark.parametrize(
        ("before", "after", "effects"),
        [
            # As much as home: it stays where it is.
            ((1, 1000), (2, 1000), {"home": Effect.STAYS}),
            ((1, None), (2, 1000), {"home": Effect.STAYS, "stickiness": Effect.STAYS}),
            ((1, 999), (2, 999), {"home": Effect.REHOMED}),
            ((1, 1000), (2, None), {"home": Effect.REHOMED, "stickiness": Effect.REHOMED}),
            # It may have been elsewhere all the time.
            ((1, 1000), (1, 999), {"stickiness": Effect.REHOMED}),
            ((1, 500), (1, None), {"stickiness": Effect.STAYS}),
            ((1, None), (1, 3000), {"stickiness": Effect.STAYS}),
        ],
    )
    def test_a_service_goes_to_a_new_home_only_where_that_outweighs_staying(
        self,
        before: tuple[int, int | None],
        after: tuple[int, int | None],
        effects: dict[str, Effect],
    ) -> None:
        def lab(home: int, stickiness: int | None) -> Lab:
            own = {} if stickiness is None else {"stickiness": stickiness}
            tables = {"services": service(home=f"node{home}", **own), "storage": STORE}
            return Lab.model_validate({"version": 1, "name": "demo", **tables})

        changes = compare(lab(*before), lab(*after))
        assert {change.key.rpartition(".")[2]: change.effect for change in changes} == effects
        # The scores that the cluster gets say the same.
        now = Parts(sketch(lab(*after)))
        [web] = now.inventory.services
        [wish] = [each.score for each in now.constraints() if isinstance(each, Preference)]
        stay = (now.stickiness(web) or STICKINESS) * len(now.members(web))
        assert isinstance(wish, int)
        assert (wish > stay) == bool(now.inventory.homes(web))
        if Effect.REHOMED in effects.values():
            assert wish > stay


class TestScores:
    def test_a_group_prefers_its_home_and_one_without_home_prefers_none(self) -> None:
        found = [each for each in MIRROR.constraints() if isinstance(each, Preference)]
        assert [(each.rsc, each.node, each.score) for each in found] == [
            ("service", "node1", home.SERVICE_SCORE),
            ("records-service", "node2", home.SERVICE_SCORE),
        ]
        assert not [each for each in SHOP.constraints() if isinstance(each, Preference)]

    @pytest.mark.parametrize("name", LABS)
    def test_home_outweighs_staying_and_a_lost_cable_outweighs_both(self, name: str) -> None:
        lab = Parts(LABS[name])
        lost = {each.rsc: each for each in lab.constraints() if isinstance(each, Location)}
        for each in lab.inventory.services:
            wish, each_wants = home.score(lab.inventory, each), lab.stickiness(each) or STICKINESS
            members = list(each.address_ids) if each.everywhere else lab.members(each)
            users = list(each.address_ids) if each.everywhere else [each.group]
            stay = each_wants * (1 if each.everywhere else len(members))
            if wish and users:
                assert (wish > stay) == bool(lab.inventory.homes(each)), each.name
            # Replication beneath it wants to stay as well.
            stay *= 2 if each.settings.storage else 1
            for user in users:
                score = lost[user].score
                assert isinstance(score, int)
                assert wish + stay < -score < GOOD_DATA, user

    def test_a_cable_costs_more_than_any_wish_and_the_same_for_alike_ones(self) -> None:
        assert [cable.cost(wish) for wish in (0, 300, 999)] == [-1000] * 3
        assert [cable.cost(wish) for wish in (1000, 1300, 2000)] == [-2000, -2000, -3000]


class TestRunningCluster:
    def steps(self, before: Parts, after: Parts) -> list[str]:
        return [step.what for step in cib.corrections(cib.desired(before), cib.desired(after))]

    def test_a_new_home_replaces_the_old_one(self) -> None:
        said = self.steps(parts(home="node1"), parts(home="node2"))
        assert said == ["constraint service-at-home replaced"]

    def test_without_a_home_nothing_is_left_of_it(self) -> None:
        said = self.steps(parts(home="node1"), parts())
        assert said[0] == "constraint service-at-home removed"
        assert said[1:] == ["constraint service-needs-its-cable replaced"]

    def test_a_home_comes_to_what_had_none(self) -> None:
        said = self.steps(parts(), parts(home="node2"))
        assert said == [
            "constraint service-at-home created",
            "constraint service-needs-its-cable replaced",
        ]

    def test_addresses_of_their_own_homes_are_left_alone(self) -> None:
        assert self.steps(TRIO, TRIO) == []


def away() -> Seen:
    """Return the mirror in which node2 serves the pages as well."""
    seen, pages = healthy(MIRROR), MIRROR.services["pages"].service
    mine = {member.id for member in MIRROR.members(pages)}

    def moved(each: Any) -> Any:
        if each.id in mine:
            return each.replace(node="node2")
        if each.id == "drbd":
            role = Role.PROMOTED if each.node == "node2" else Role.UNPROMOTED
            return each.replace(role=role)
        return each

    seen = seen_by_cluster(seen=seen, instances=tuple(map(moved, view_of(seen).instances)))
    every = {address.ip for each in MIRROR.inventory.services for address in each.addresses}
    seen = broken("node1", seen=seen, addresses=frozenset())
    return broken("node2", seen=seen, addresses=frozenset(every))


class TestStatus:
    def test_each_service_is_at_home(self) -> None:
        status = describe(MIRROR, healthy(MIRROR), None)
        assert status.healthy
        assert status.service("pages").nodes == ("node1",)
        assert status.service("records").nodes == ("node2",)

    def test_a_service_away_from_a_home_that_could_have_it_is_wrong(self) -> None:
        [address] = MIRROR.services["pages"].service.addresses
        wanted = f"the service address {address.ip} is on node2, not at home on node1"
        assert wanted in sentences(away(), MIRROR)

    def test_while_its_home_is_in_standby_it_is_rightly_elsewhere(self) -> None:
        seen = away()
        view = view_of(seen)
        resting = view.members[0].replace(standby=True)
        seen = seen_by_cluster(seen=seen, members=(resting, *view.members[1:]))
        assert not [reason for reason in sentences(seen, MIRROR) if "at home" in reason]

"""What a changed definition may cost clients: said by service, for addresses that stay."""

from __future__ import annotations

from typing import Any

from drills.expectations import stall_s
from infra.planning import sketch
from labs.changes import compare
from labs.model import Lab
from parts.all import Parts
from parts.budget import budget
from tests.unit.sketched import TRIO_TABLES
from updates.costs import costs, told

ADDRESS = "10.30.0.100"
TWO_SERVICES = {
    "services": {
        "web": {"kind": "nginx", "storage": "data", "home": "node1", "address": ADDRESS},
        "books": {"kind": "postgresql", "storage": "rows", "address": "10.30.0.101"},
    },
    "storage": {"data": {"kind": "drbd"}, "rows": {"kind": "drbd"}},
}


def lab(**tables: Any) -> Lab:
    return Lab.model_validate({"version": 1, "name": "demo", **tables})


def changed(
    before: Lab, after: Lab, *in_turn: str
) -> tuple[Parts, dict[str, float], tuple[str, ...]]:
    parts = Parts(sketch(before))
    allowed_s = costs(parts, Parts(sketch(after)), compare(before, after), in_turn)
    return parts, allowed_s, tuple(told(parts, allowed_s))


def test_what_is_taken_over_live_may_be_noticed_by_nobody() -> None:
    after = lab(timing={"token_ms": 4000}, nodes={"data_disk_mib": 1024})
    parts, allowed_s, lines = changed(lab(), after)
    assert allowed_s == {ADDRESS: stall_s(parts.first_service.timing)}
    assert lines == ("web: clients notice nothing",)


def test_machines_that_take_turns_cost_a_move_and_perhaps_one_back() -> None:
    before, after = lab(), lab(nodes={"memory_mib": 1536})
    parts, allowed_s, lines = changed(before, after, "node1", "node2")
    two_moves_s = 2 * budget(parts.first_service).move_s
    assert allowed_s == {ADDRESS: two_moves_s}
    assert lines == (f"web: clients may miss it for up to {two_moves_s:.0f} s in all",)


def test_a_monitor_that_takes_its_turn_costs_clients_nothing() -> None:
    parts, allowed_s, _ = changed(lab(), lab(monitor={"memory_mib": 1536}), "monitor")
    assert allowed_s == {ADDRESS: stall_s(parts.first_service.timing)}


def test_a_cluster_that_stops_as_a_whole_is_away_until_it_has_started() -> None:
    parts, allowed_s, _ = changed(lab(), lab(timing={"msgwait_s": 40}))
    timing = parts.first_service.timing
    assert allowed_s == {ADDRESS: timing.stop_wait_s + timing.joined_wait_s}


def test_a_home_elsewhere_costs_that_service_a_move_and_others_nothing() -> None:
    moved = {**TWO_SERVICES["services"], "web": {**TWO_SERVICES["services"]["web"]}}
    moved["web"]["home"] = "node2"
    parts, allowed_s, lines = changed(
        lab(**TWO_SERVICES), lab(**{**TWO_SERVICES, "services": moved})
    )
    web, books = parts.services["web"], parts.services["books"]
    assert allowed_s == {ADDRESS: budget(web).move_s, "10.30.0.101": stall_s(books.timing)}
    assert lines[1] == "books: clients notice nothing"


def test_a_home_that_does_not_outweigh_staying_costs_nobody_anything() -> None:
    def sticky(home: str) -> Lab:
        return lab(services={"web": plain(80, home=home, stickiness=1000)})

    parts, allowed_s, lines = changed(sticky("node1"), sticky("node2"))
    assert allowed_s == {ADDRESS: stall_s(parts.first_service.timing)}
    assert lines == ("web: clients notice nothing",)


def test_an_address_that_goes_is_not_looked_at() -> None:
    _, allowed_s, lines = changed(lab(), lab(service={"port": 8080}))
    assert allowed_s == {}
    assert lines == ("web: clients find it elsewhere, or nowhere",)


def test_a_node_that_leaves_takes_its_address_with_it_and_the_others_may_move() -> None:
    fewer = {**TRIO_TABLES, "nodes": {"names": ["node1", "node2"]}}
    before, after = lab(**TRIO_TABLES), lab(**fewer)
    parts, allowed_s, _ = changed(before, after)
    [service] = after.services
    assert set(allowed_s) == {str(address) for address in service.addresses}
    assert set(allowed_s.values()) == {budget(parts.first_service).move_s}


def test_a_node_that_joins_disturbs_nobody() -> None:
    more = {**TRIO_TABLES, "nodes": {"names": ["node1", "node2", "node3", "node4"]}}
    parts, allowed_s, lines = changed(lab(**TRIO_TABLES), lab(**more))
    assert len(allowed_s) == 3
    assert set(allowed_s.values()) == {stall_s(parts.first_service.timing)}
    assert lines == ("web: clients notice nothing",)


def test_who_is_placed_anew_may_move_and_with_it_who_has_to_do_with_it() -> None:
    def tables(**web: Any) -> dict[str, Any]:
        plain = {"kind": "nginx"}
        return {
            "nodes": {"names": ["node1", "node2", "node3"]},
            "services": {
                "web": {**plain, "home": "node1", **web},
                "beside": {**plain, "port": 81, "follows": "web"},
                "away": {**plain, "port": 82, "apart": ["web"]},
                "last": {**plain, "port": 83, "after": ["beside"]},
                "other": {**plain, "port": 84},
            },
        }

    before = lab(**tables(stickiness=2000))
    parts, allowed_s, _ = changed(before, lab(**tables(home="node2")))
    moves = {name: budget(part).move_s for name, part in parts.services.items()}
    seconds = {service.name: allowed_s[str(service.addresses[0])] for service in before.services}
    assert [seconds[name] for name in ("web", "beside", "away")] == [
        moves[name] for name in ("web", "beside", "away")
    ]
    # It stays, and is stopped and started again.
    assert seconds["last"] == moves["beside"] + moves["last"]
    assert seconds["other"] == stall_s(parts.first_service.timing)


def test_who_starts_after_another_from_now_on_waits_for_it_already() -> None:
    services: dict[str, dict[str, Any]] = {
        "web": {"kind": "nginx", "home": "node1", "address": ADDRESS},
        "api": {"kind": "nginx", "address": "10.30.0.101", "port": 8080},
    }
    both = {
        "web": {**services["web"], "home": "node2"},
        "api": {**services["api"], "after": ["web"]},
    }
    parts, allowed_s, _ = changed(lab(services=services), lab(services=both))
    web, api = parts.services["web"], parts.services["api"]
    assert allowed_s["10.30.0.101"] == budget(web).move_s + budget(api).move_s


def test_who_starts_after_a_service_that_is_found_elsewhere_is_started_again() -> None:
    services: dict[str, dict[str, Any]] = {
        "web": {"kind": "nginx", "address": ADDRESS},
        "api": {"kind": "nginx", "address": "10.30.0.101", "port": 8080, "after": ["web"]},
    }
    moved = {**services, "web": {**services["web"], "address": "10.30.0.77"}}
    parts, allowed_s, _ = changed(lab(services=services), lab(services=moved))
    assert set(allowed_s) == {"10.30.0.101"}
    assert allowed_s["10.30.0.101"] > stall_s(parts.services["api"].timing)


TRIPLE = {"names": ["node1", "node2", "node3"]}


def seconds(before: Lab, after: Lab) -> tuple[Parts, dict[str, float]]:
    """Return what a change may cost clients of each service that was there, by its name."""
    parts, allowed_s, _ = changed(before, after)
    return parts, {
        part.service.name: allowed_s[str(part.service.addresses[0].ip)] for part in parts.public
    }


def plain(port: int, **keys: Any) -> dict[str, Any]:
    return {"kind": "nginx", "port": port, "address": f"10.30.0.{100 + port - 80}", **keys}


def test_who_shares_no_node_with_a_service_that_comes_may_have_to_give_way() -> None:
    there = {"web": plain(80), "beside": plain(81, follows="web"), "other": plain(82)}
    for new in (plain(83, apart=["web"], home="node1"), plain(83, apart=["web"])):
        before = lab(nodes=TRIPLE, services=there)
        parts, found = seconds(before, lab(nodes=TRIPLE, services={**there, "new": new}))
        # With who gives way goes who follows it.
        for name in ("web", "beside"):
            assert found[name] == budget(parts.services[name]).move_s
        assert found["other"] == stall_s(parts.first_service.timing)


def test_who_comes_beside_others_and_shares_nodes_with_them_disturbs_nobody() -> None:
    there = {"web": plain(80), "other": plain(81)}
    new = {"api": plain(82, after=["web"]), "shop": plain(83, follows="web")}
    parts, found = seconds(lab(services=there), lab(services={**there, **new}))
    assert set(found.values()) == {stall_s(parts.first_service.timing)}


def test_giving_way_goes_on_until_nobody_is_left_who_has_to() -> None:
    four = {"names": ["node1", "node2", "node3", "node4"]}

    def tables(home: str) -> Lab:
        services = {
            "web": plain(80, home=home),
            "next": plain(81, apart=["web"]),
            "last": plain(82, apart=["next"]),
            "along": plain(83, follows="last"),
            "behind": plain(84, after=["along"]),
            "other": plain(85),
        }
        return lab(nodes=four, services=services)

    parts, found = seconds(tables("node1"), tables("node2"))
    move_s = {name: budget(part).move_s for name, part in parts.services.items()}
    assert {name: found[name] for name in ("web", "next", "last", "along")} == {
        name: move_s[name] for name in ("web", "next", "last", "along")
    }
    assert found["behind"] == move_s["along"] + move_s["behind"]
    assert found["other"] == stall_s(parts.first_service.timing)


def test_who_starts_after_a_service_that_comes_is_away_until_that_has_started() -> None:
    there = {"web": plain(80), "api": plain(81, after=["web"]), "other": plain(82)}
    new = {**there, "web": plain(80, after=["books"]), "books": plain(83)}
    before, after = lab(services=there), lab(services=new)
    parts, found = seconds(before, after)
    move_s = budget(Parts(sketch(after)).services["books"]).move_s
    assert found["web"] == move_s + budget(parts.services["web"]).move_s
    # And who starts after that one is away as long, and started again.
    assert found["api"] >= found["web"] + budget(parts.services["api"]).move_s
    assert found["other"] == stall_s(parts.first_service.timing)
    _, _, lines = changed(before, after)
    assert lines[0] == f"web: clients may miss it for up to {found['web']:.0f} s in all"


def test_what_a_change_may_cost_is_reckoned_at_the_slower_pace_of_both() -> None:
    before = lab(platform={"pace": "kvm"})
    after = lab(platform={"pace": "emulation"}, nodes={"memory_mib": 1536})
    for one, other in ((before, after), (after, before)):
        _, allowed_s, _ = changed(one, other, "node1", "node2")
        assert allowed_s[ADDRESS] == 2 * budget(Parts(sketch(after)).first_service).move_s

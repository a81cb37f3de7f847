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
    allowed_s = costs(parts, after, compare(before, after), in_turn)
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

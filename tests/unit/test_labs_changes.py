"""What a changed definition does to a lab that exists."""

from __future__ import annotations

import re

import pytest

from core.errors import HalabError
from infra.planning import sketch
from labs.changes import RULES, compare, refuse
from labs.checking import check
from labs.effects import Effect
from labs.model import Lab
from labs.shape import keys, locate
from parts.all import Parts


def lab(**tables: dict[str, object]) -> Lab:
    written = {"nodes": {"names": ["oslo", "bergen"]}, **tables}
    written["nodes"] = {"names": ["oslo", "bergen"], **tables.get("nodes", {})}
    return check("my.toml", {"version": 1, "name": "demo", **written}, Lab)


def test_every_key_of_a_definition_has_an_effect() -> None:
    found = set()
    for table in keys((Lab,)):
        spot = locate(Lab, (table,))
        found |= {f"{table}.{key}" for key in keys(spot.tables)} or {table}
        if spot.named:
            found.add(table)
    # The short form of a web server, the choice of a disk's size and that of a kind stand for
    # keys of other tables.
    told = {"service.address", "service.port", "nodes.data_disk_mib", "services.address"}
    told |= {"services.kind", "storage.kind"}

    assert set(RULES) == found - told - {"version", "name"}


def test_the_same_definition_in_other_words_changes_nothing() -> None:
    spelled_out = lab(service={"address": "10.30.0.100"}, timing={"profile": "default"})

    assert compare(lab(), spelled_out) == ()


def everywhere(*names: str) -> dict[str, object]:
    """Return services without data, each on a port of its own whatever their order."""
    ports = {"one": 81, "two": 82, "new": 83}
    return {name: {"kind": "nginx", "runs": "everywhere", "port": ports[name]} for name in names}


def replicated(*names: str) -> dict[str, object]:
    return {name: {"kind": "drbd"} for name in names}


@pytest.mark.parametrize("names", [("two", "one"), ("two",), ("new", "one", "two")])
def test_services_that_stay_keep_their_places_in_the_file(names: tuple[str, ...]) -> None:
    changes = compare(lab(services=everywhere("one", "two")), lab(services=everywhere(*names)))
    [found] = [change for change in changes if change.key == "services"]
    assert (found.effect, "keeps its place" in found.reason) == (Effect.REFUSED, True)


def test_replicas_are_not_taken_for_each_others() -> None:
    users: dict[str, object] = {
        "one": {"kind": "nginx", "storage": "left"},
        "two": {"kind": "nginx", "storage": "right", "port": 81},
    }
    before = lab(services=users, storage=replicated("left", "right"))
    after = lab(services=users, storage=replicated("right", "left"))
    [found] = compare(before, after)
    assert (found.key, found.effect) == ("storage", Effect.REFUSED)


def test_what_comes_last_and_the_last_that_goes_leave_all_others_at_their_places() -> None:
    few, more = (lab(services=everywhere("one", "two", *new)) for new in ((), ("new",)))
    for before, after in ((few, more), (more, few)):
        assert Effect.REFUSED not in {change.effect for change in compare(before, after)}


def test_an_address_is_not_taken_from_one_service_and_given_to_another_at_once() -> None:
    def served(one: str, two: str) -> Lab:
        tables = {"one": ("81", one), "two": ("82", two)}
        services: dict[str, object] = {
            name: {"kind": "nginx", "port": int(port), "address": address}
            for name, (port, address) in tables.items()
        }
        return lab(services=services)

    before = served("10.30.0.101", "10.30.0.102")
    [found] = [
        change
        for change in compare(before, served("10.30.0.103", "10.30.0.101"))
        if change.effect is Effect.REFUSED
    ]
    assert found.key == "services.two.addresses"
    assert found.reason.startswith("10.30.0.101 changes hands in two steps")
    away = served("10.30.0.103", "10.30.0.102")
    for step in ((before, away), (away, served("10.30.0.103", "10.30.0.101"))):
        assert Effect.REFUSED not in {change.effect for change in compare(*step)}


@pytest.mark.parametrize(
    ("table", "key", "value", "effect"),
    [
        ("nodes", "memory_mib", 2048, Effect.IN_TURN),
        ("nodes", "memory_mib", 768, Effect.IN_TURN),
        ("nodes", "cpus", 2, Effect.IN_TURN),
        ("monitor", "memory_mib", 2048, Effect.IN_TURN),
        ("nodes", "data_disk_mib", 1024, Effect.GROWN),
        ("nodes", "data_disk_mib", 511, Effect.REFUSED),
        ("nodes", "names", ["oslo", "tromso"], Effect.REFUSED),
        ("nodes", "names", ["bergen", "oslo"], Effect.REFUSED),
        ("monitor", "name", "watcher", Effect.REFUSED),
        ("networks", "management", "10.11.0.0/24", Effect.REFUSED),
        ("networks", "cluster-a", "10.20.1.0/25", Effect.REFUSED),
        ("networks", "replication", "10.20.10.0/24", Effect.REFUSED),
        ("platform", "uri", "qemu:///system", Effect.REFUSED),
        ("service", "port", 8080, Effect.MOVED),
        ("service", "address", "10.30.0.101", Effect.MOVED),
        ("firewall", "enabled", False, Effect.LIVE),
        ("monitoring", "interval_s", 20, Effect.LIVE),
        ("timing", "token_ms", 4000, Effect.LIVE),
        ("timing", "recheck_s", 60, Effect.LIVE),
        ("platform", "pace", "emulation", Effect.LIVE),
    ],
)
def test_a_changed_key_says_what_it_costs(
    table: str, key: str, value: object, effect: Effect
) -> None:
    found = compare(lab(), lab(**{table: {key: value}}))

    [change] = [change for change in found if change.key == f"{table}.{key}"]
    assert change.effect is effect


EVERYWHERE: dict[str, object] = {"web": {"kind": "nginx", "runs": "everywhere"}}
TRIO: dict[str, object] = {"names": ["oslo", "bergen", "tromso"]}
QUARTET: dict[str, object] = {"names": ["oslo", "bergen", "tromso", "bodo"]}


def effects(before: dict[str, object], after: dict[str, object]) -> dict[str, Effect]:
    """Return what it costs to have other nodes, key by key."""
    labs = (lab(nodes=nodes, services=EVERYWHERE) for nodes in (before, after))
    return {change.key: change.effect for change in compare(*labs)}


def test_nodes_come_at_the_end_and_go_from_there() -> None:
    assert effects(TRIO, QUARTET) == {
        "nodes.names": Effect.JOINED,
        "quorum.kind": Effect.LIVE,
        "services.web.addresses": Effect.EXTENDED,
    }
    assert effects(QUARTET, TRIO) == {
        "nodes.names": Effect.LEFT,
        "quorum.kind": Effect.LIVE,
        "services.web.addresses": Effect.SHORTENED,
    }


def nodes(count: int) -> dict[str, object]:
    return {"names": [f"node{number}" for number in range(1, count + 1)]}


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (2, 4, "of 5 votes then, 3 are needed before anybody new has one, .* have 2"),
        (2, 5, "of 5 votes then, 3 are needed .* have 2"),
        (3, 6, "of 7 votes then, 4 are needed .* have 3"),
        (4, 8, "of 9 votes then, 5 are needed .* have 4"),
    ],
)
def test_more_nodes_than_a_quorum_can_wait_for_do_not_come_at_once(
    before: int, after: int, why: str
) -> None:
    assert effects(nodes(before), nodes(after))["nodes.names"] is Effect.REFUSED
    labs = (lab(nodes=nodes(count), services=EVERYWHERE) for count in (before, after))
    with pytest.raises(HalabError) as refused:
        refuse("demo", compare(*labs))
    [line] = str(refused.value.detail).splitlines()
    assert re.search(f"{why}: let fewer come at once", line)
    # Nobody has to be waited for who leaves.
    assert effects(nodes(after), nodes(before))["nodes.names"] is Effect.LEFT


@pytest.mark.parametrize("count", range(2, 8))
def test_one_node_can_always_come(count: int) -> None:
    assert effects(nodes(count), nodes(count + 1))["nodes.names"] is Effect.JOINED


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("kind", ["device", "majority", "two-node"])
def test_a_definition_counts_the_votes_that_its_lab_has(count: int, kind: str) -> None:
    try:
        found = lab(nodes=nodes(count), services=EVERYWHERE, quorum={"kind": kind})
    except HalabError:
        return
    assert found.votes == Parts(sketch(found)).quorum.expected_votes


@pytest.mark.parametrize(
    "names", [["bergen", "tromso"], ["oslo", "tromso", "bergen"], ["oslo", "bergen", "bodo"]]
)
def test_nodes_that_stay_keep_their_places(names: list[str]) -> None:
    assert effects(TRIO, {"names": names})["nodes.names"] is Effect.REFUSED


def test_a_profile_is_what_it_sets() -> None:
    found = compare(lab(), lab(timing={"profile": "slow-host"}))

    effects = {change.key: change.effect for change in found}
    assert effects["timing.watchdog_s"] is Effect.RESTARTED
    assert effects["timing.token_ms"] is Effect.LIVE


def test_a_line_says_key_values_and_cost() -> None:
    [change] = compare(lab(), lab(nodes={"memory_mib": 2048}))

    assert str(change) == (
        "nodes.memory_mib: 1024 -> 2048: "
        "one machine after the other is shut down and started; the service moves once"
    )


def test_everything_that_cannot_be_is_refused_at_once_with_the_way_to_do_it() -> None:
    after = lab(
        nodes={"names": ["oslo", "tromso"], "data_disk_mib": 256, "memory_mib": 2048},
        networks={"service": "10.31.0.0/24"},
    )

    with pytest.raises(HalabError) as caught:
        refuse("demo", compare(lab(), after))

    detail = str(caught.value.detail).splitlines()
    assert [line.partition(":")[0] for line in detail] == [
        "nodes.names",
        "networks.service",
        "storage.data.nodes",
        "nodes.data_disk_mib",
    ]
    assert "./halab down demo" in str(caught.value.hint)


def test_what_can_be_is_not_refused() -> None:
    refuse("demo", compare(lab(), lab(nodes={"memory_mib": 2048, "data_disk_mib": 1024})))


def test_a_service_that_comes_may_cost_those_that_are_there_something() -> None:
    there: dict[str, object] = {"web": {"kind": "nginx"}, "api": {"kind": "nginx", "port": 81}}

    def told(new: dict[str, object], **web: object) -> dict[str, Effect]:
        services = {**there, "web": {"kind": "nginx", **web}, "new": {"kind": "nginx", **new}}
        labs = (lab(nodes=TRIO, services=each) for each in (there, services))
        return {change.key: change.effect for change in compare(*labs)}

    assert told({"port": 82}) == {"services.new": Effect.LIVE}
    assert told({"port": 82, "follows": "web", "after": ["api"]}) == {"services.new": Effect.LIVE}
    # It needs a node for itself.
    assert told({"port": 82, "apart": ["api"]}) == {"services.new": Effect.RESEATED}
    # Who comes with it does not have to move.
    both = {**there, "new": {"kind": "nginx", "port": 82, "apart": ["too"]}}
    both["too"] = {"kind": "nginx", "port": 83}
    labs = (lab(nodes=TRIO, services=each) for each in (there, both))
    assert {change.effect for change in compare(*labs)} == {Effect.LIVE}
    # What starts after it cannot go on without it; what starts after who runs goes on.
    assert told({"port": 82}, after=["new"])["services.web.after"] is Effect.SUSPENDED
    assert told({"port": 82}, after=["api"])["services.web.after"] is Effect.LIVE


def test_a_service_that_goes_costs_nobody_else_anything() -> None:
    two: dict[str, object] = {
        "web": {"kind": "nginx"},
        "api": {"kind": "nginx", "port": 81, "apart": ["web"]},
    }
    one = {"web": two["web"]}
    found = compare(*(lab(nodes=TRIO, services=each) for each in (two, one)))
    assert [change.effect for change in found] == [Effect.LIVE]

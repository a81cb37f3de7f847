"""Services, storage and quorum fit together, or all that does not is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from infra.planning import sketch
from labs.checking import check
from labs.model import Lab
from labs.tables.contents import Service
from labs.words import TAKEN_SERVICES, TAKEN_STORAGE
from tests.unit.definitions import GOOD, problems

THREE = {"names": ["a", "b", "c"]}
EVERYWHERE = {"web": {"kind": "nginx", "runs": "everywhere"}}
DATABASE = {"sql": {"kind": "postgresql", "storage": "data"}}
DATA = {"data": {"kind": "drbd"}}


def lab(**tables: Any) -> Lab:
    return check("my.toml", {**GOOD, **tables}, Lab)


def addresses(service: Service) -> list[str]:
    return [str(address) for address in service.addresses]


def test_a_lab_that_says_nothing_is_a_web_server_on_replicated_storage() -> None:
    [web], [data] = lab().services, lab().storage
    assert (web.name, web.settings.kind, web.settings.storage) == ("web", "nginx", "data")
    assert addresses(web) == ["10.30.0.100"]
    assert (data.name, data.settings.kind, data.size_mib) == ("data", "drbd", 512)
    assert lab().quorum == "device"


def test_the_short_form_and_the_long_one_are_the_same_lab() -> None:
    short = lab(service={"address": "10.30.0.77", "port": 8080})
    long = lab(
        services={
            "web": {"kind": "nginx", "storage": "data", "address": "10.30.0.77", "port": 8080}
        },
        storage=DATA,
    )
    assert (short.services, short.storage) == (long.services, long.storage)


def test_a_service_that_runs_everywhere_has_an_address_for_each_node() -> None:
    three = lab(nodes=THREE, services=EVERYWHERE)
    [web] = three.services
    assert addresses(web) == ["10.30.0.100", "10.30.0.101", "10.30.0.102"]
    assert three.storage == ()
    assert three.quorum == "majority"


def test_addresses_are_chosen_around_those_that_are_given() -> None:
    two = lab(
        services={
            "web": {"kind": "nginx"},
            "other": {"kind": "nginx", "port": 8080, "address": "10.30.0.100"},
        }
    )
    assert [addresses(service) for service in two.services] == [["10.30.0.101"], ["10.30.0.100"]]


def test_a_small_network_gives_its_last_addresses() -> None:
    three = lab(nodes=THREE, services=EVERYWHERE, networks={"service": "10.30.0.0/28"})
    assert addresses(three.services[0]) == ["10.30.0.13", "10.30.0.12", "10.30.0.11"]


def test_a_chosen_address_belongs_to_no_machine() -> None:
    names = [f"node{number}" for number in range(1, 5)]
    four = lab(nodes={"names": names}, services=EVERYWHERE, networks={"service": "10.30.0.0/28"})
    # Nor to one that may come: the monitor keeps its number behind eight nodes.
    machines = {f"10.30.0.{number}" for number in range(1, 10)}
    assert len(addresses(four.services[0])) == 4
    assert not machines & set(addresses(four.services[0]))


def test_a_network_that_is_too_small_for_all_addresses() -> None:
    names = [f"node{number}" for number in range(1, 8)]
    found = problems(
        nodes={"names": names}, services=EVERYWHERE, networks={"service": "10.30.0.0/28"}
    )
    assert set(found) == {"networks.service"}
    assert "room for 7 floating addresses beside 9 machines" in found["networks.service"].allowed
    assert found["networks.service"].hint.startswith("it has room for 4;")


def test_storage_may_have_a_size_of_its_own() -> None:
    sized = lab(services=DATABASE, storage={"data": {"kind": "drbd", "size_mib": 1024}})
    assert [storage.size_mib for storage in sized.storage] == [1024]
    assert lab(nodes={"data_disk_mib": 700}).storage[0].size_mib == 700


def test_replication_is_between_two_nodes() -> None:
    problem = problems(nodes=THREE)["nodes.names"]
    assert problem.value == "3 names"
    assert '[storage.data] nodes = ["a", "b"]' in problem.hint


def test_storage_that_is_nowhere() -> None:
    problem = problems(services=DATABASE)["services.sql.storage"]
    assert problem.hint.startswith("write [storage.data]")


def test_storage_that_nobody_uses() -> None:
    assert (
        "no service"
        in problems(services={"web": {"kind": "nginx"}}, storage=DATA)["storage.data"].value
    )


def test_storage_that_two_services_use() -> None:
    two = {**DATABASE, "web": {"kind": "nginx", "storage": "data"}}
    assert "2 services" in problems(services=two, storage=DATA)["storage.data"].value


def test_storage_for_a_service_that_runs_everywhere() -> None:
    web = {"web": {"kind": "nginx", "runs": "everywhere", "storage": "data"}}
    assert "leave storage out" in problems(services=web, storage=DATA)["services.web.storage"].hint


@pytest.mark.parametrize(
    ("service", "key"),
    [
        ({"runs": "everywhere", "address": "10.30.0.100"}, "address"),
        ({"addresses": ["10.30.0.100", "10.30.0.101"]}, "addresses"),
        ({"runs": "everywhere", "addresses": ["10.30.0.100"]}, "addresses"),
    ],
)
def test_addresses_that_do_not_fit_where_a_service_runs(service: dict[str, Any], key: str) -> None:
    assert set(problems(services={"web": {"kind": "nginx", **service}})) == {f"services.web.{key}"}


@pytest.mark.parametrize(
    ("address", "reason"),
    [("10.30.0.1", "machine number 1"), ("10.31.0.1", "networks.service is")],
)
def test_an_address_that_cannot_float_gets_one_that_can(address: str, reason: str) -> None:
    web = {"runs": "everywhere", "addresses": ["10.30.0.100", address]}
    problem = problems(services={"web": {"kind": "nginx", **web}})["services.web.addresses[1]"]
    assert reason in problem.hint
    assert "10.30.0.101 would do" in problem.hint


def test_an_address_that_two_services_want() -> None:
    two = {
        "one": {"kind": "nginx", "address": "10.30.0.19"},
        "two": {"kind": "nginx", "port": 81, "address": "10.30.0.19"},
    }
    assert "services.one.address is the same" in problems(services=two)["services.two.address"].hint


@pytest.mark.parametrize("port", [22, 7788, 80])
def test_a_port_that_somebody_has(port: int) -> None:
    two = {"one": {"kind": "nginx"}, "two": {"kind": "nginx", "port": port}}
    assert problems(services=two)["services.two.port"].value == str(port)


@pytest.mark.parametrize("word", TAKEN_SERVICES)
def test_a_service_is_called_like_nothing_else_in_the_cluster(word: str) -> None:
    problem = problems(services={word: {"kind": "nginx"}})[f"services.{word}"]
    assert problem.hint == TAKEN_SERVICES[word]


@pytest.mark.parametrize("word", TAKEN_STORAGE)
def test_storage_is_called_like_no_other_disk(word: str) -> None:
    web = {"web": {"kind": "nginx", "storage": word}}
    problem = problems(services=web, storage={word: {"kind": "drbd"}})[f"storage.{word}"]
    assert problem.hint == TAKEN_STORAGE[word]


def test_each_storage_has_a_port() -> None:
    web = {"kind": "nginx", "storage": "data", "port": 7789}
    lab(services={"web": web}, storage=DATA)
    two = {"web": web, "sql": {"kind": "postgresql", "storage": "more"}}
    found = problems(services=two, storage={**DATA, "more": {"kind": "drbd"}})
    assert found["services.web.port"].hint.startswith("DRBD listens there")


def test_a_port_that_is_taken_gets_one_that_is_free() -> None:
    web = {"kind": "nginx", "runs": "everywhere"}
    services = {"web": {**web, "port": 80}, "shop": web, "ssh": {**web, "port": 22}}
    found = problems(services={**services, "news": {**web, "port": 8080}})
    assert found["services.shop.port"].hint.endswith("8081 is free")
    assert found["services.ssh.port"].hint.endswith("8081 is free")


def test_both_forms_at_once() -> None:
    assert "service" in problems(services=EVERYWHERE, service={"port": 81})


def test_a_kind_that_there_is_not_gets_those_that_there_are() -> None:
    problem = problems(services={"web": {"kind": "ngnix"}})["services.web.kind"]
    assert problem.hint == "did you mean nginx?"
    assert '"postgresql"' in problem.allowed


@pytest.mark.parametrize(
    ("kind", "nodes"),
    [
        ("majority", ["a", "b"]),
        ("device", ["a", "b", "c"]),
        ("two-node", ["a", "b", "c"]),
        ("two-node", ["a", "b", "c", "d"]),
    ],
)
def test_a_quorum_that_decides_nothing(kind: str, nodes: list[str]) -> None:
    found = problems(quorum={"kind": kind}, nodes={"names": nodes}, services=EVERYWHERE)
    assert set(found) == {"quorum.kind"}


def test_fencing_is_what_is_usual_on_the_platform_where_nobody_chose() -> None:
    chosen = lab(fencing={"kind": "sbd"})
    assert sketch(chosen) == sketch(lab())


@pytest.mark.parametrize(
    ("fencing", "key", "allowed"),
    [
        ({"kind": "fence-aws"}, "fencing.kind", '"sbd"'),
        ({"kind": "redfish"}, "fencing.kind", '"sbd", "fence-aws"'),
        ({}, "fencing.kind", '"sbd", "fence-aws"'),
        ({"kind": "sbd", "disk": "/dev/sdb"}, "fencing.disk", "in [fencing]: kind"),
    ],
)
def test_fencing_that_is_not_to_be_had(fencing: dict[str, str], key: str, allowed: str) -> None:
    found = problems(fencing=fencing)
    assert list(found) == [key]
    assert allowed in found[key].allowed


def test_four_nodes_may_have_either() -> None:
    four = {"names": ["a", "b", "c", "d"]}
    assert lab(nodes=four, services=EVERYWHERE).quorum == "device"
    majority = lab(nodes=four, services=EVERYWHERE, quorum={"kind": "majority"})
    assert majority.quorum == "majority"


def test_two_nodes_without_a_third_vote_weigh_up_to_nine_addresses() -> None:
    def many(count: int) -> dict[str, object]:
        return {f"s{n}": {"kind": "nginx", "port": 8080 + n} for n in range(count)}

    alone = {"quorum": {"kind": "two-node"}}
    assert lab(services=many(9), **alone).quorum == "two-node"
    assert set(problems(services=many(10), **alone)) == {"quorum.kind"}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("postgresql", {"storage": "data"}),
        ("galera", {}),
        ("memcached", {}),
    ],
)
def test_who_is_never_root_listens_where_anybody_may(kind: str, more: dict[str, str]) -> None:
    table = {"kind": kind, **more}
    rest = {"nodes": THREE, "storage": {"data": {"kind": "shared-disk"}} if more else {}}
    [problem] = problems(services={"one": {**table, "port": 443}}, **rest).values()
    assert problem.key == "services.one.port"
    assert problem.allowed.startswith("whole number from 1024 to 65535")
    lab(services={"one": {**table, "port": 1024}}, **rest)


def test_a_database_has_room_for_itself() -> None:
    def sized(size_mib: int) -> dict[str, Any]:
        return {"services": DATABASE, "storage": {"data": {"kind": "drbd", "size_mib": size_mib}}}

    [problem] = problems(**sized(128)).values()
    assert problem.key == "storage.data.size_mib"
    assert problem.allowed == 'at least 192, with "postgresql"'
    lab(**sized(192))

"""A definition is a lab, or everything that is wrong with it is said at once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from labs.checking import check
from labs.loading import DefinitionError
from labs.model import Lab
from labs.tables.machines import MOST_NODES
from labs.words import TAKEN_NAMES
from tests.unit.definitions import GOOD, problems, the_problem


def test_nothing_at_all_is_no_lab() -> None:
    with pytest.raises(DefinitionError) as caught:
        check("empty.toml", {}, Lab)
    assert [(p.key, p.value) for p in caught.value.problems] == [
        ("version", "(missing)"),
        ("name", "(missing)"),
    ]


def test_another_version() -> None:
    assert the_problem(version=2).hint == "write version = 1, the only version there is"
    assert "version" in problems(version=True)


@pytest.mark.parametrize(
    "name", ["", "Big", "1st", "a_b", "a b", "-a", "a-", "a" * 25, "a/b", "é", "a\n", 7]
)
def test_names_that_a_lab_cannot_have(name: object) -> None:
    assert the_problem(name=name).key == "name"


@pytest.mark.parametrize("name", ["a", "a1", "a" * 24, "two-nodes-2"])
def test_names_that_a_lab_can_have(name: str) -> None:
    assert check("my.toml", {**GOOD, "name": name}, Lab).name == name


def test_an_unknown_key_gets_a_suggestion() -> None:
    problem = the_problem(nodes={"memory": 1024})
    assert problem.key == "nodes.memory"
    assert problem.value == "1024"
    assert "memory_mib" in problem.allowed
    assert problem.hint == "did you mean memory_mib?"


def test_an_unknown_table_gets_a_suggestion() -> None:
    assert the_problem(network={}).hint == "did you mean networks?"


def test_a_key_in_the_wrong_table_is_sent_home() -> None:
    assert the_problem(memory_mib=1024).hint == "it belongs in [nodes] or [monitor]"
    assert the_problem(timing={"pace": "kvm"}).hint == "it belongs in [platform]"


def test_a_key_that_means_nothing() -> None:
    assert the_problem(colour="blue").hint == "remove it"


@pytest.mark.parametrize("table", ["nodes", "networks", "timing"])
@pytest.mark.parametrize("value", [3, "x", [{}], True])
def test_a_table_that_is_none(table: str, value: object) -> None:
    assert the_problem(**{table: value}).hint.startswith(f"write [{table}] on a line")


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("platform", "kind", "vmware"),
        ("platform", "uri", "qemu:///session"),
        ("platform", "uri", "xen:///system"),
        ("platform", "pace", "fast"),
        ("platform", "pace", 0),
        ("platform", "pace", 13),
        ("platform", "pace", 1.5),
        ("platform", "pace", True),
        ("nodes", "cpus", 0),
        ("nodes", "cpus", 17),
        ("nodes", "cpus", True),
        ("nodes", "memory_mib", 767),
        ("nodes", "memory_mib", "1024"),
        ("nodes", "memory_mib", 1024.5),
        ("nodes", "data_disk_mib", 63),
        ("monitor", "memory_mib", 511),
        ("monitor", "cpus", -1),
        ("monitor", "name", "mon.lab"),
        ("monitor", "name", "a" * 16),
        ("monitor", "name", "localhost"),
        ("service", "port", 0),
        ("service", "port", 65536),
        ("service", "port", 22),
        ("service", "port", 7788),
        ("service", "port", 10050),
        ("firewall", "enabled", 1),
        ("firewall", "enabled", "yes"),
        ("firewall", "allow", 443),
        ("timing", "profile", "fast"),
        ("timing", "token_ms", 500),
        ("timing", "msgwait_s", 9),
        ("timing", "sync_timeout_ms", 5000),
        ("timing", "stonith_timeout_s", 18),
    ],
)
def test_a_value_that_is_not_allowed(table: str, key: str, value: object) -> None:
    assert the_problem(**{table: {key: value}}).key == f"{table}.{key}"


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("platform", "pace", 12),
        ("platform", "uri", "qemu:///system"),
        ("platform", "uri", "qemu+ssh://root@host.example:2222/system?keyfile=/k"),
        ("nodes", "memory_mib", 768),
        ("nodes", "data_disk_mib", 64),
        ("monitor", "memory_mib", 512),
        ("service", "port", 8080),
    ],
)
def test_a_value_that_is_just_allowed(table: str, key: str, value: object) -> None:
    check("my.toml", {**GOOD, table: {key: value}}, Lab)


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "true"), (["drbd"], '["drbd"]'), (5, "5"), ("drdb", '"drdb"')]
)
def test_a_kind_is_shown_as_it_was_written(value: object, shown: str) -> None:
    assert the_problem(platform={"kind": value}).value == shown


@pytest.mark.parametrize(("value", "shown"), [(math.inf, "inf"), (math.nan, "nan")])
def test_numbers_are_shown_as_they_were_written(value: float, shown: str) -> None:
    assert the_problem(nodes={"cpus": value}).value == shown


@pytest.mark.parametrize("table", ["platform", "nodes"])
def test_what_stands_for_a_table_is_told_so(table: str) -> None:
    assert the_problem(**{table: "aws"}).allowed == "a table"


def test_a_number_in_quotes_is_told_so() -> None:
    assert the_problem(nodes={"cpus": "2"}).hint == "numbers stand without quotes"


@pytest.mark.parametrize("names", [[], ["one"]])
def test_a_node_alone_is_no_cluster(names: list[str]) -> None:
    problem = the_problem(nodes={"names": names})
    assert problem.key == "nodes.names"
    assert "nobody who could take over" in problem.hint


def test_only_so_many_nodes_have_numbers() -> None:
    everywhere = {"web": {"kind": "nginx", "runs": "everywhere"}}
    names = [f"node{number}" for number in range(1, MOST_NODES + 1)]
    check("my.toml", {**GOOD, "nodes": {"names": names}, "services": everywhere}, Lab)
    problem = the_problem(nodes={"names": [*names, "another"]}, services=everywhere)
    assert (problem.key, problem.hint) == ("nodes.names", "halab numbers up to 8 nodes")


def test_only_two_nodes_can_replicate() -> None:
    problem = the_problem(nodes={"names": ["one", "two", "three"]})
    assert problem.key == "nodes.names"
    assert "DRBD 8.4 replicates between two nodes" in problem.hint


def test_a_bad_name_among_the_nodes_is_pointed_at() -> None:
    assert the_problem(nodes={"names": ["one", "Two"]}).key == "nodes.names[1]"


@pytest.mark.parametrize("word", TAKEN_NAMES)
def test_words_that_mean_something_are_no_names(word: str) -> None:
    problem = the_problem(nodes={"names": ["peer", word]})
    assert (problem.key, problem.hint) == ("nodes.names[1]", TAKEN_NAMES[word])


def test_the_monitor_alone_is_called_monitor() -> None:
    check("my.toml", {**GOOD, "monitor": {"name": "monitor"}}, Lab)
    assert the_problem(monitor={"name": "active"}).key == "monitor.name"
    elsewhere = {"monitor": {"name": "watcher"}, "nodes": {"names": ["peer", "monitor"]}}
    assert the_problem(**elsewhere).key == "nodes.names[1]"


def test_names_are_not_used_twice() -> None:
    problem = the_problem(nodes={"names": ["twin", "twin"]})
    assert (problem.key, problem.value) == ("nodes.names[1]", '"twin"')


def test_blame_falls_on_the_name_that_was_written() -> None:
    assert the_problem(nodes={"names": ["one", "monitor"]}).key == "nodes.names[1]"
    assert the_problem(monitor={"name": "node1"}).key == "monitor.name"


@pytest.mark.parametrize(
    ("subnet", "hint"),
    [
        ("10.1.0.7/24", 'the network around this address is "10.1.0.0/24"'),
        ("10.1.0.0", 'a network has a prefix length, as "10.1.0.0/24"'),
        ("8.8.8.0/24", "choose one inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"),
        ("127.0.0.0/24", "choose one inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"),
        ("10.0.0.0/8", "the machines, the platform and a floating address must fit, and /24 does"),
        ("10.1.0.0/29", "the machines, the platform and a floating address must fit, and /24 does"),
        (5, "a network is written as a string"),
        ("fred/24", "Expected 4 octets in 'fred'"),
    ],
)
def test_networks_that_a_lab_cannot_have(subnet: object, hint: str) -> None:
    problem = the_problem(networks={"management": subnet})
    assert (problem.key, problem.hint) == ("networks.management", hint)


@pytest.mark.parametrize("subnet", ["10.1.0.0/16", "172.31.4.0/22", "192.168.255.240/28"])
def test_networks_that_a_lab_can_have(subnet: str) -> None:
    check("my.toml", {**GOOD, "networks": {"management": subnet}}, Lab)


def test_networks_do_not_overlap() -> None:
    problem = the_problem(networks={"management": "10.30.0.0/16"})
    assert problem.key == "networks.management"
    assert problem.hint == "networks.service is 10.30.0.0/24"


def test_three_networks_in_one_place_are_three_overlaps() -> None:
    same = "10.9.0.0/24"
    found = problems(networks={"cluster-a": same, "cluster-b": same, "replication": same})
    assert set(found) == {"networks.cluster-b", "networks.replication"}


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.31.0.100", "networks.service is 10.30.0.0/24"),
        ("10.30.0.0", "network or broadcast"),
        ("10.30.0.255", "network or broadcast"),
        ("10.30.0.1", "machine number 1"),
        ("10.30.0.9", "machine number 9"),
        ("10.30.0.254", "belongs to the platform"),
    ],
)
def test_the_floating_address_is_nobody_elses(address: str, reason: str) -> None:
    problem = the_problem(service={"address": address})
    assert problem.key == "service.address"
    assert reason in problem.hint
    assert "10.30.0.100 would do" in problem.hint


@pytest.mark.parametrize("address", [5, "fred", "10.30.0.300", "fe80::1", "10.30.0.9/24"])
def test_what_is_no_address(address: object) -> None:
    assert the_problem(service={"address": address}).key == "service.address"


@pytest.mark.parametrize("address", ["10.30.0.10", "10.30.0.253"])
def test_any_free_address_may_float(address: str) -> None:
    [web] = check("my.toml", {**GOOD, "service": {"address": address}}, Lab).services
    assert [str(each) for each in web.addresses] == [address]


HTTPS = {"role": "node", "network": "service", "port": 443}


def test_a_definition_may_open_ports() -> None:
    lab = check("my.toml", {**GOOD, "firewall": {"allow": [HTTPS]}}, Lab)
    (entry,) = lab.firewall.allow
    assert (entry.opening.port, entry.opening.protocol) == (443, "tcp")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"port": 0}, "firewall.allow[0].port"),
        ({"port": "443"}, "firewall.allow[0].port"),
        ({"protocol": "sctp"}, "firewall.allow[0].protocol"),
        ({"role": "router"}, "firewall.allow[0].role"),
        ({"network": "internet"}, "firewall.allow[0].network"),
        ({"prot": "tcp"}, "firewall.allow[0].prot"),
    ],
)
def test_openings_that_cannot_be(change: dict[str, object], key: str) -> None:
    assert the_problem(firewall={"allow": [{**HTTPS, **change}]}).key == key


def test_an_opening_says_what_it_lacks_and_knows_its_keys() -> None:
    found = problems(firewall={"allow": [{"role": "node", "protokol": "udp"}, "https"]})
    assert set(found) == {
        "firewall.allow[0].network",
        "firewall.allow[0].port",
        "firewall.allow[0].protokol",
        "firewall.allow[1]",
    }
    assert found["firewall.allow[0].protokol"].hint == "did you mean protocol?"
    assert found["firewall.allow[0].port"].hint == "it has no default"


def test_the_monitor_opens_nothing_on_networks_that_it_is_not_on() -> None:
    entry = {**HTTPS, "role": "monitor", "network": "cluster-a"}
    problem = the_problem(firewall={"allow": [HTTPS, entry]})
    assert problem.key == "firewall.allow[1].network"
    assert problem.allowed == "a network of the monitor: management, service"


def test_an_opening_is_written_once() -> None:
    assert the_problem(firewall={"allow": [HTTPS, HTTPS]}).key == "firewall.allow[1]"


def test_there_is_nothing_to_open_without_a_firewall() -> None:
    assert the_problem(firewall={"enabled": False, "allow": [HTTPS]}).key == "firewall.allow"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = problems(
        name="Not a name",
        colour="blue",
        nodes={"names": ["monitor", "b"], "cpus": 0},
        networks={"cluster-a": "10.30.0.0/25", "management": "8.8.8.0/24"},
        service={"address": "10.30.0.254", "port": 22},
        timing={"msgwait_s": 7, "token_ms": "x", "profile": "fast"},
    )
    assert set(found) == {
        "name",
        "colour",
        "nodes.names[0]",
        "nodes.cpus",
        "networks.cluster-a",
        "networks.management",
        "service.address",
        "service.port",
        "timing.msgwait_s",
        "timing.token_ms",
        "timing.profile",
    }


def test_a_refused_value_causes_no_second_complaint() -> None:
    # With the default watchdog, a msgwait of 6 s would be too short as well.
    assert the_problem(timing={"watchdog_s": 2, "msgwait_s": 6}).key == "timing.watchdog_s"
    # With the default service network, this address would be foreign.
    found = the_problem(networks={"service": "10.7.0.0"}, service={"address": "10.7.0.9"})
    assert found.key == "networks.service"


def test_checking_leaves_what_was_read_alone() -> None:
    written: dict[str, Any] = {"name": 5, "nodes": {"cpus": 0}}
    with pytest.raises(DefinitionError):
        check("my.toml", written, Lab)
    assert written == {"name": 5, "nodes": {"cpus": 0}}


def test_an_error_reads_well() -> None:
    with pytest.raises(DefinitionError) as caught:
        check("my.toml", {**GOOD, "nodes": {"memory_mib": 100}}, Lab)
    assert str(caught.value).splitlines() == [
        "my.toml: 1 problem",
        "  nodes.memory_mib = 100",
        "    allowed: MiB, whole number from 768 to 1048576",
        "    hint: the default is 1024",
        "hint: docs/lab-definition.md explains every key; nothing was changed",
    ]

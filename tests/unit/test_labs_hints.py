"""What is said of a definition follows from what stands there, and can be pasted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.definitions import problems, the_problem

TYPOS: dict[str, Any] = {
    "services": {
        "web": {"kind": "ngnix"},
        "shop": {"kind": "postgresql", "storage": "data", "after": ["web"]},
        "front": {"kind": "haproxy", "runs": "everywhere", "to": "web"},
    },
    "storage": {"data": {"kind": "drdb"}},
}


def test_what_follows_from_a_refused_table_is_not_told() -> None:
    """Its hint would have a person write a table that is there already."""
    assert set(problems(**TYPOS)) == {"services.web.kind", "storage.data.kind"}


@pytest.mark.parametrize(
    ("service", "key"),
    [
        ({"kind": "nginx", "storage": "data", "runs": "Everywhere"}, "services.web.runs"),
        ({"kind": "nginx", "storage": 7}, "services.web.storage"),
        ({"kind": "nginx", "stroage": "data"}, "services.web.stroage"),
    ],
)
def test_storage_whose_service_was_refused_is_not_called_idle(
    service: dict[str, Any], key: str
) -> None:
    assert set(problems(services={"web": service}, storage={"data": {"kind": "gfs2"}})) == {key}


def test_idle_storage_is_told_beside_what_has_to_do_with_something_else() -> None:
    found = problems(
        services={"web": {"kind": "nginx", "port": 0}}, storage={"data": {"kind": "drbd"}}
    )
    assert set(found) == {"services.web.port", "storage.data"}


def test_the_default_of_a_refused_port_is_nobodys() -> None:
    found = problems(
        services={"one": {"kind": "nginx", "port": "8080"}, "two": {"kind": "nginx"}},
    )
    assert set(found) == {"services.one.port"}


def test_a_name_that_three_have_is_told_twice() -> None:
    found = problems(nodes={"names": ["node1", "node1", "node1"]})
    assert set(found) >= {"nodes.names[1]", "nodes.names[2]"}


def test_a_list_of_tables_is_written_as_toml_has_it() -> None:
    for value in ("all", ["all"]):
        problem = the_problem(firewall={"allow": value})
        assert problem.hint.startswith("write [[firewall.allow]] on a line")


def test_a_key_of_another_kind_is_not_sent_to_where_it_stands() -> None:
    found = problems(services={"db": {"kind": "postgresql", "to": "web"}})["services.db.to"]
    assert found.hint == 'it is for another kind of [services.NAME], "haproxy": remove it'


def test_a_table_below_one_that_has_none_was_meant_for_its_neighbour() -> None:
    assert problems(service={"shop": {"kind": "nginx"}})["service.shop"].hint == (
        "did you mean [services.shop]?"
    )


@pytest.mark.parametrize(
    ("tables", "key", "kind"),
    [
        ({"platform": {"kind": "AWS"}}, "platform.kind", "aws"),
        ({"platform": {"kind": "EC2"}}, "platform.kind", "aws"),
        ({"platform": {"kind": "KVM"}}, "platform.kind", "libvirt"),
        ({"services": {"db": {"kind": "MariaDB"}}}, "services.db.kind", "galera"),
        ({"services": {"db": {"kind": "mysql"}}}, "services.db.kind", "galera"),
        ({"services": {"db": {"kind": "Postgres"}}}, "services.db.kind", "postgresql"),
        ({"services": {"web": {"kind": "NGINX"}}}, "services.web.kind", "nginx"),
    ],
)
def test_a_kind_is_known_in_any_case_and_by_its_other_names(
    tables: dict[str, Any], key: str, kind: str
) -> None:
    assert problems(**tables)[key].hint == f"did you mean {kind}?"


def test_one_kind_is_not_offered_for_another() -> None:
    """Somebody who wrote a platform that there is not yet shall not take any other for it."""
    assert problems(platform={"kind": "azure"})["platform.kind"].hint == "choose one of these"
    # No service is known by a platform's other name.
    assert problems(services={"x": {"kind": "ec2"}})["services.x.kind"].hint == (
        "choose one of these"
    )
    assert problems(services={"x": {}})["services.x.kind"].hint.startswith("write one like kind")


def test_a_key_or_a_table_is_known_in_any_case() -> None:
    assert the_problem(nodes={"CPUS": 2}).hint == "did you mean cpus?"
    assert the_problem(NODES={"cpus": 2}).hint == "did you mean nodes?"

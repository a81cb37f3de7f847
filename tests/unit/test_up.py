"""`up` ends with how to go on: on a node that serves."""

from __future__ import annotations

import pytest

from cli.up import _somebody, say_how_to_go_on
from status.collect import describe
from tests.unit.broken_lab import broken
from tests.unit.healthy_lab import HEALTHY, PARTS, healthy
from tests.unit.sketched import TRIO


def test_a_node_at_which_clients_find_a_service_is_named() -> None:
    moved = broken("node2", seen=broken("node1", addresses=frozenset()), addresses=ADDRESSES)
    assert _somebody(describe(PARTS, HEALTHY, None)) == "node1"
    assert _somebody(describe(PARTS, moved, None)) == "node2"
    assert _somebody(describe(TRIO, healthy(TRIO), None)) == "node1"


def test_where_nobody_serves_a_person_fills_in_the_name() -> None:
    seen = broken("node1", addresses=frozenset())
    assert _somebody(describe(PARTS, seen, None)) == "NODE"


@pytest.mark.parametrize("name", ["ha", "a-lab-whose-name-is-long"])
def test_commands_and_what_they_are_for_stand_in_two_columns(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = describe(PARTS, HEALTHY, None).model_copy(update={"lab": name})
    say_how_to_go_on(found, 1.0, resettable=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if "./halab" in line]
    column = lines[0].index("how it is")
    assert [line[column - 3] == " " for line in lines].count(False) == 1, "room for the longest"
    assert {line[column - 2 : column] for line in lines} == {"  "}
    assert all(line[column] != " " for line in lines)


ADDRESSES = frozenset(each.ip for each in PARTS.first_service.service.addresses)

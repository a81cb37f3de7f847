"""`up` ends with how to go on: on a node that serves."""

from __future__ import annotations

from cli.up import _somebody
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


ADDRESSES = frozenset(each.ip for each in PARTS.first_service.service.addresses)

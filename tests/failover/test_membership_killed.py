"""Corosync dies on a node that serves: the node is outside, so it is fenced before the takeover."""

from __future__ import annotations

from tests.failover.conftest import Rehearse, require_pass


def test_the_node_is_reset_before_the_survivor_takes_over(rehearse: Rehearse) -> None:
    require_pass(rehearse("corosync-killed"))

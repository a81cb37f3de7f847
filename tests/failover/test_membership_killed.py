"""Corosync dies on a node that serves: the node is outside, so it is fenced before the takeover."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass

# A node that loses its power is fenced and taken over from in the same way (test_power_loss.py).
pytestmark = pytest.mark.thorough


def test_the_node_is_reset_before_the_survivor_takes_over(rehearse: Rehearse) -> None:
    require_pass(rehearse("corosync-killed"))

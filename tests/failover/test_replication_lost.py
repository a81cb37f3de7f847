"""Replication is lost on every path while both nodes see each other: data first, no fencing.

This is what DRBD's fence-peer handler is for: the active node may only go on alone once a
constraint keeps the other from promotion.
"""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass


@pytest.mark.needs("drbd")
@pytest.mark.thorough
def test_the_active_node_goes_on_alone_and_takes_the_other_back(rehearse: Rehearse) -> None:
    result = rehearse("replication-cut")
    require_pass(result)
    assert result.injected is not None and result.healed is not None
    alone = [a for a in result.attempts if a.ok and result.injected + 20 < a.wall < result.healed]
    assert {a.kind for a in alone} == {"probe", "write"}

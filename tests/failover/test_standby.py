"""A person moves everything away from a node for maintenance, and lets the node come back."""

from __future__ import annotations

from tests.failover.conftest import Rehearse, require_pass


def test_the_service_moves_without_fencing(rehearse: Rehearse) -> None:
    require_pass(rehearse("standby"))

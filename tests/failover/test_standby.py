"""A person moves everything away from a node for maintenance, and lets the node come back."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass

# An update moves services so, node after node (test_update.py).
pytestmark = pytest.mark.thorough


def test_the_service_moves_without_fencing(rehearse: Rehearse) -> None:
    require_pass(rehearse("standby"))

"""Nodes come back to one that serves alone: nobody is harmed by it, and nothing old is served."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass

# A node comes back in every story of a loss; in these it has not met who serves.
pytestmark = [pytest.mark.needs("drbd", "device"), pytest.mark.thorough]


def test_a_node_that_joins_harms_nobody_who_serves_alone(rehearse: Rehearse) -> None:
    require_pass(rehearse("rejoin"))


def test_the_node_with_the_older_data_starts_first_and_waits(rehearse: Rehearse) -> None:
    require_pass(rehearse("stale-first"))

"""One of the two cluster links is lost at the active node: nothing may happen but a report."""

from __future__ import annotations

import pytest

from parts.all import Parts
from tests.failover.conftest import Rehearse, require_pass

# A cable is also pulled in front of the dashboard (test_dashboard.py).
pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("link", ["link-a-down", "link-b-down"])
def test_only_the_link_is_reported(rehearse: Rehearse, parts: Parts, link: str) -> None:
    result = rehearse(link)
    require_pass(result)
    writes = [a for a in result.attempts if a.kind == "write"]
    assert bool(writes) == parts.first_service.keeps_writes
    assert all(write.ok for write in writes)
    # The replication bond hides the loss: no write waits as long as DRBD needs to miss its peer.
    assert all(write.ended - write.begun <= result.budget_s for write in writes)

"""A file server that is there, and what its clients need besides is not."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass

pytestmark = [pytest.mark.needs("nfs"), pytest.mark.thorough]


@pytest.mark.parametrize("fault", ["service-killed", "export-removed", "export-daemons-killed"])
def test_clients_keep_their_locks(rehearse: Rehearse, fault: str) -> None:
    require_pass(rehearse(fault))

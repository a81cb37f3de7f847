"""A server's first process dies and leaves the others: the server starts again where it was."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass


@pytest.mark.needs("process")
def test_the_service_stays(rehearse: Rehearse) -> None:
    require_pass(rehearse("service-master-killed"))

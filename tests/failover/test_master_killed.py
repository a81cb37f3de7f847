"""The web server's master dies and leaves its workers: the server starts again where it was."""

from __future__ import annotations

from tests.failover.conftest import Rehearse, require_pass


def test_the_service_stays(rehearse: Rehearse) -> None:
    require_pass(rehearse("service-master-killed"))

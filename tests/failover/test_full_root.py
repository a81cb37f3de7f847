"""Nobody has room on the root filesystem: clients are served, and the lost node comes back."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass


@pytest.mark.thorough
def test_the_service_moves_without_room(rehearse: Rehearse) -> None:
    require_pass(rehearse("root-filesystem-full"))

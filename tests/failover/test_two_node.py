"""Two nodes without a third vote: who serves survives a split, and who starts alone waits."""

from __future__ import annotations

import pytest

from tests.failover.conftest import Rehearse, require_pass

pytestmark = pytest.mark.needs("two-node")


@pytest.mark.parametrize("drill", ["links-down", "partition", "partition-one-way"])
def test_who_serves_survives_a_split(rehearse: Rehearse, drill: str) -> None:
    result = rehearse(drill)
    require_pass(result)
    assert [sheet.name for sheet in result.machines if sheet.active_after] == [*result.targets]


@pytest.mark.thorough
def test_a_node_that_starts_alone_waits_for_the_other(rehearse: Rehearse) -> None:
    require_pass(rehearse("first-alone"))

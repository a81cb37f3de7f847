"""Data on two of three nodes: what is lost with the third, and what comes of the third's vote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drills.catalogue import find
from parts.all import Parts
from tests.failover.conftest import Rehearse, require_pass

pytestmark = pytest.mark.needs("bystander")


@pytest.fixture
def bystander(parts: Parts) -> str:
    """Return a node that can never run the first service."""
    names = [node.name for node in parts.inventory.nodes]
    return next(name for name in names if name not in parts.first_service.places)


@pytest.mark.parametrize("drill", ["power-off", "links-down"])
def test_the_data_do_not_notice_the_loss_of_who_has_none(
    rehearse: Rehearse, parts: Parts, bystander: str, drill: str
) -> None:
    result = rehearse(replace(find(drill, parts), target=bystander))
    require_pass(result)
    assert [*result.targets] == [bystander]


@pytest.mark.thorough
def test_the_others_vote_for_who_takes_over(rehearse: Rehearse) -> None:
    require_pass(rehearse("links-down"))

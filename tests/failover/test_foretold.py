"""The cluster's own scheduler says where everything will go, and there it goes."""

from __future__ import annotations

import pytest

from drills.site import Site
from status.collect import collect
from tests.failover.command import halab

pytestmark = pytest.mark.thorough

CHECKED_S = 1800
"""Seconds: several times what a drill takes in emulation."""


@pytest.mark.parametrize("event", ["standby", "power-off"])
def test_everything_goes_where_it_was_foretold(site: Site, event: str) -> None:
    part = site.parts.first_service
    [node, *_] = collect(site.inventory).service(part.service.name).nodes
    words = (event, node, "--check")
    # It fails by its exit status where anything went elsewhere.
    told = halab("what-if", site.folder.name, *words, timeout=CHECKED_S).stdout
    assert "Did everything go where the cluster's scheduler had foretold?" in told, told

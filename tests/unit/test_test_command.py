"""What `./halab test` tells of which lab."""

from __future__ import annotations

import pytest

from cli.testing import DEFINITIONS, SUITES, USUAL, _chosen
from core.folders import PROJECT

LOSS = "tests/failover/test_power_loss.py"


def test_by_default_labs_of_every_shape_lose_a_node() -> None:
    assert _chosen(None, thorough=False) == USUAL
    assert set(USUAL) <= set(DEFINITIONS)
    for stories in USUAL.values():
        assert stories[0] == "tests/state"
        assert any(LOSS.startswith(path) for path in stories[1:])


def test_all_is_everything_about_all() -> None:
    assert _chosen(None, thorough=True) == dict.fromkeys(DEFINITIONS, SUITES)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_one_lab_alone_is_tested_whole(kind: str) -> None:
    assert _chosen(kind, thorough=False) == {kind: SUITES}


def test_the_stories_are_there() -> None:
    for path in {*SUITES, LOSS}:
        assert (PROJECT / path).exists(), path

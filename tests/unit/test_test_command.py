"""What `./halab test` tells of which lab."""

from __future__ import annotations

import pytest

from cli.testing import BRIEF, DEFINITIONS, MAIN, SUITES, _stories
from core.folders import PROJECT


def test_every_lab_is_built_and_loses_a_node() -> None:
    assert MAIN in DEFINITIONS
    for kind in DEFINITIONS:
        told = _stories(kind, whole=False)
        assert told[0] == "tests/state"
        assert any("tests/failover/test_power_loss.py".startswith(path) for path in told[1:])


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_one_lab_alone_is_tested_whole(kind: str) -> None:
    assert _stories(kind, whole=True) == SUITES


def test_the_stories_are_there() -> None:
    for path in {*SUITES, *BRIEF}:
        assert (PROJECT / path).exists(), path

"""The definitions by which stories of growth have a lab grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.testing import DEFINITIONS
from infra.planning import sketch
from labs.changes import compare, refuse
from labs.loading import load
from parts.all import Parts
from tests.failover.growth import grown, with_a_voter
from tests.needs import WORDS

GROWING = {
    name: parts
    for name, path in DEFINITIONS.items()
    for parts in [Parts(sketch(load(str(path))))]
    if WORDS["everywhere"](parts) and WORDS["scalable"](parts)
}


def test_some_lab_grows() -> None:
    assert {"active-active", "cluster-filesystem"} <= GROWING.keys()


@pytest.mark.parametrize(
    ("name", "quorum"),
    [
        (name, quorum)
        for name, parts in GROWING.items()
        for quorum in ("majority", "device")
        if quorum == "majority" or WORDS["odd"](parts)
    ],
)
def test_a_lab_grows_by_a_node(tmp_path: Path, name: str, quorum: str) -> None:
    before = load(str(DEFINITIONS[name]))
    names = [*before.nodes.names, "another"]
    file = tmp_path / "lab.toml"
    file.write_text(grown(DEFINITIONS[name].read_text(), names, quorum))
    after = load(str(file))
    assert after.nodes.names == tuple(names)
    assert after.quorum == quorum


def test_a_pair_is_joined_by_a_node_that_votes_and_changes_nothing_else(tmp_path: Path) -> None:
    before = load(str(DEFINITIONS["active-passive"]))
    file = tmp_path / "lab.toml"
    file.write_text(with_a_voter(DEFINITIONS["active-passive"], "node3"))
    changes = compare(before, load(str(file)))
    assert {change.key for change in changes} == {"description", "nodes.names", "quorum.kind"}
    refuse("pair", changes)

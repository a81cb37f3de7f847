"""The definitions by which stories of growth have a lab grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.testing import DEFINITIONS
from infra.planning import sketch
from labs.loading import load
from parts.all import Parts
from tests.failover.growth import NEW, grown
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
    file = tmp_path / "lab.toml"
    file.write_text(grown(DEFINITIONS[name].read_text(), before.nodes.names, quorum))
    after = load(str(file))
    assert after.nodes.names == (*before.nodes.names, NEW)
    assert after.quorum == quorum

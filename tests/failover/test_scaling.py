"""A lab grows by a node and shrinks again while clients are served, and keeps nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.measuring import TOO_LONG
from core.folders import LabFolder
from core.saying import Say
from status.collect import collect
from tests.failover.growth import (
    Lab,
    changeable,
    require_at_work,
    require_gone,
    with_a_voter,
)

pytestmark = pytest.mark.thorough


@pytest.fixture
def lab(folder: LabFolder, tmp_path: Path) -> Iterator[Lab]:
    with changeable(folder, tmp_path.resolve() / "lab.toml") as made:
        yield made


# One more than an odd number may have a device: they could divide into halves.
@pytest.mark.needs("everywhere", "scalable")
@pytest.mark.parametrize(
    "quorum", ["majority", pytest.param("device", marks=pytest.mark.needs("odd"))]
)
def test_a_node_comes_and_goes_while_clients_are_served(lab: Lab, quorum: str, tell: Say) -> None:
    _there_and_back(lab, lab.grown(quorum), tell)


@pytest.mark.needs("drbd", "device", "nginx")
def test_a_node_without_a_copy_comes_to_vote_and_goes(lab: Lab, tell: Say) -> None:
    _there_and_back(lab, with_a_voter(lab.file, lab.new), tell)


def _there_and_back(lab: Lab, wanted: str, tell: Say) -> None:
    boots = {node.name: node.boot_id for node in collect(lab.inventory).nodes}
    for text in (wanted, lab.original):
        said = lab.become(text)
        measured = [line for line in said.splitlines() if "measured:" in line]
        for line in measured:
            tell(line.strip())
        assert measured, said
        assert TOO_LONG not in said, said
        if text != lab.original:
            require_at_work(lab)
    require_gone(lab)
    status = collect(lab.inventory)
    assert status.healthy, status.summary()
    # No machine was made anew, and none was fenced.
    assert {node.name: node.boot_id for node in status.nodes} == boots


@pytest.mark.needs("everywhere", "scalable")
def test_whatever_it_was_about_when_it_was_killed_up_goes_on(lab: Lab) -> None:
    grown, new = lab.grown("majority"), lab.new
    for moment in (
        f"making machine {new}",
        f"{new}: answers",
        f"{new}: membership started",
    ):
        lab.begin(grown, moment)
    lab.become(grown)
    require_at_work(lab)
    for moment in (f"{new}: going into standby", f"{new}: leaving the cluster"):
        lab.begin(lab.original, moment)
    lab.become(lab.original)
    require_gone(lab)
    status = collect(lab.inventory)
    assert status.healthy, status.summary()

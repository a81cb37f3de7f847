"""A lab grows by a node and shrinks again while clients are served, and keeps nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.folders import LabFolder
from drills.clock import LabClock
from drills.site import Site
from parts.budget import budget
from status.collect import collect
from tests.failover.growth import NEW, Lab, changeable, require_at_work, require_gone
from updates.outage import Clients, Stretch, allowances

pytestmark = [pytest.mark.thorough, pytest.mark.needs("everywhere", "scalable")]


@pytest.fixture
def lab(folder: LabFolder, tmp_path: Path) -> Iterator[Lab]:
    with changeable(folder, tmp_path.resolve() / "lab.toml") as made:
        yield made


@pytest.mark.parametrize("quorum", ["majority", "device"])
def test_a_node_comes_and_goes_while_clients_are_served(
    lab: Lab, quorum: str, tell: Callable[[str], None]
) -> None:
    site = Site.of(lab.folder)
    clock = LabClock(site.inventory.monitor)
    boots = {node.name: node.boot_id for node in collect(site.inventory).nodes}
    moves_s = {part.service.name: budget(part).move_s for part in site.parts.public}
    allowed_s = allowances(site.parts, moves_s)
    stretches = []
    with Clients(site) as clients:
        for what, text in (("comes", lab.grown(quorum)), ("goes", lab.original)):
            began = clock.now()
            lab.become(text)
            stretches.append(Stretch(f"{NEW} {what}", began, clock.now(), allowed_s))
            if what == "comes":
                require_at_work(lab)
        account = clients.account(stretches)
    for silence in account.silences:
        tell(str(silence))
        assert silence.kept, str(silence)
    assert account.books == {} or account.kept
    require_gone(lab)
    status = collect(lab.inventory)
    assert status.healthy, status.summary()
    # No machine was made anew, and none was fenced.
    assert {node.name: node.boot_id for node in status.nodes} == boots


def test_whatever_it_was_about_when_it_was_killed_up_goes_on(lab: Lab) -> None:
    grown = lab.grown("majority")
    for moment in (f"making machine {NEW}", f"{NEW}: answers", f"{NEW}: membership started"):
        lab.begin(grown, moment)
    lab.become(grown)
    require_at_work(lab)
    for moment in (f"{NEW}: going into standby", f"{NEW}: leaving the cluster"):
        lab.begin(lab.original, moment)
    lab.become(lab.original)
    require_gone(lab)
    status = collect(lab.inventory)
    assert status.healthy, status.summary()

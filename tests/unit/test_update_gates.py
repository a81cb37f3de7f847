"""Where an update waits, and what keeps a gate shut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.wait import WaitFailed
from drills.site import Site
from inventory.model import Inventory
from status.membership import missing_elsewhere, missing_member, missing_online, still_there
from status.model import LabStatus
from tests.unit.broken_lab import seen_by_cluster, view_of
from tests.unit.composed_labs import LABS
from tests.unit.healthy_lab import HEALTHY, INVENTORY
from tests.unit.updated_lab import gone_to_standby, status_of
from updates.gates import Gates


def missing_service(found: LabStatus) -> LabStatus:
    """Return a lab's status where no service answers."""
    services = tuple(
        service.model_copy(
            update={
                "endpoints": tuple(
                    each.model_copy(update={"answers": False}) for each in service.endpoints
                )
            }
        )
        for service in found.services
    )
    return found.model_copy(update={"services": services})


def test_a_node_is_empty_when_it_is_in_standby_and_nothing_runs_there() -> None:
    standby = status_of(gone_to_standby())
    assert missing_elsewhere(standby, "node2") is None
    assert missing_elsewhere(status_of(HEALTHY), "node2") == "node2 is not in standby yet"


def test_a_node_is_not_empty_while_something_stops() -> None:
    view = view_of(gone_to_standby())
    left = view.instances[0].replace(node="node2", active=True)
    found = status_of(seen_by_cluster(seen=gone_to_standby(), instances=(left, *view.instances)))
    assert missing_elsewhere(found, "node2") == f"{left.id} still runs on node2"


def test_a_service_that_answers_nowhere_shuts_the_gate() -> None:
    found = status_of(gone_to_standby())
    assert missing_elsewhere(missing_service(found), "node2") == "web does not answer"


def test_a_member_in_standby_with_all_votes() -> None:
    assert missing_member(status_of(gone_to_standby()), "node2") is None
    assert missing_member(status_of(HEALTHY), "node2") == "node2 is online"
    found = status_of(gone_to_standby())
    assert found.quorum is not None
    fewer = found.model_copy(update={"quorum": found.quorum.model_copy(update={"votes": 2})})
    assert missing_member(fewer, "node2") == "not all votes are there"


def test_a_gate_does_not_wait_for_a_service_that_nobody_else_can_serve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients would wait as long."""
    silent = missing_service(status_of(gone_to_standby()))

    @contextmanager
    def observer(_: object) -> Iterator[Any]:
        yield SimpleNamespace(inventory=INVENTORY, read=lambda: silent)

    monkeypatch.setattr("updates.gates.Observer", observer)
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr("updates.gates.time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    site = cast(Site, SimpleNamespace(inventory=INVENTORY))
    with pytest.raises(WaitFailed, match="web does not answer for 35 s"):
        Gates(site, lambda _: None).left("node2", 35.0, status_of(HEALTHY))


def test_a_node_that_serves_nobody_may_leave_whatever_clients_find() -> None:
    assert still_there(missing_service(status_of(gone_to_standby())), "node2") is None
    assert still_there(status_of(HEALTHY), "node2") == "node2 is not in standby yet"


def missing_part(found: LabStatus, node: str, lab: Inventory = INVENTORY) -> str | None:
    return missing_online(found, lab.machine(node), lab)


def test_a_node_takes_its_part_however_others_are() -> None:
    assert missing_part(status_of(HEALTHY), "node2") is None
    assert missing_part(status_of(gone_to_standby()), "node2") == "node2 is standby"
    assert missing_part(status_of(gone_to_standby()), "node1") is None


def test_a_node_without_its_disk_takes_no_part() -> None:
    """It comes only when Pacemaker has started it."""
    found = status_of(HEALTHY)
    [(storage, disks)] = found.replication.items()
    without = found.model_copy(update={"replication": {storage: {"node1": disks["node1"]}}})
    assert missing_part(without, "node2") == f"{storage} is not up on node2"
    assert missing_part(without, "node1") is None


def test_a_node_without_a_service_that_runs_everywhere_takes_no_part() -> None:
    lab, found = LABS["active-active"], status_of(HEALTHY)
    [web] = found.services
    there = web.model_copy(update={"nodes": ("node1", "node3"), "everywhere": True})
    found = found.model_copy(update={"services": (there,), "replication": {}})
    assert missing_part(found, "node2", lab) == "web does not run on node2"
    assert missing_part(found, "node1", lab) is None


def test_what_was_wrong_before_keeps_nobody() -> None:
    """A node goes so that it can be mended, and stays where the others got worse by that."""
    before = missing_service(status_of(HEALTHY))
    assert missing_elsewhere(missing_service(status_of(gone_to_standby())), "node2", before) is None
    view = view_of(gone_to_standby())
    failed = view.instances[0].replace(node="node1", active=True, failed=True)
    left = seen_by_cluster(seen=gone_to_standby(), instances=(failed, *view.instances))
    was = seen_by_cluster(instances=(failed, *view_of(HEALTHY).instances))
    assert missing_elsewhere(status_of(left), "node2", status_of(was)) is None
    said = f"{failed.id} is failed on node1"
    assert missing_elsewhere(status_of(left), "node2", status_of(HEALTHY)) == said

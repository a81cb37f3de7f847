"""One node after the other: what is done in which order, and where an update stops."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from core.errors import HalabError
from drills.site import Nobody, Site
from tests.unit.broken_lab import situation
from tests.unit.healthy_lab import HEALTHY, INVENTORY, PARTS
from tests.unit.updated_lab import (
    FIRST,
    NOTE,
    SECOND,
    Lab,
    gone_to_standby,
    put_up,
    status_of,
    update,
)
from updates import rolling, worker
from updates.planning import Turn
from updates.rolling import Rolling, peer_of, served_by
from updates.worker import Wanted


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return put_up(monkeypatch)


def test_a_node_is_away_while_its_packages_change(lab: Lab) -> None:
    assert update(lab, FIRST).failure is None
    assert lab.done == [
        "clients begin",
        "healthy",
        "node1 keep",
        "node1 write_note begun",
        "node1 fetch",
        "node2: crm_standby --node node1 --update on",
        "node1 left",
        "node1: systemctl stop pacemaker + systemctl stop corosync-qdevice corosync",
        "node1 install",
        "node1: systemctl start --no-block corosync corosync-qdevice pacemaker",
        "node1 member",
        "node2: crm_standby --node node1 --delete",
        "healthy",
        "node1 write_note finished",
        "clients end",
    ]


def test_the_second_goes_when_the_first_is_back(lab: Lab) -> None:
    update(lab, FIRST, SECOND)
    back = lab.done.index("node1 write_note finished")
    assert back < lab.done.index("node1: crm_standby --node node2 --update on")
    assert lab.done[back + 1] == "healthy"


def test_a_reboot_starts_the_cluster_by_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    update(lab, Turn("node1", NOTE.model_copy(update={"reboot": True})))
    assert "node1: systemctl reboot --no-block" in lab.done
    assert not any("systemctl start" in said for said in lab.done)
    assert lab.boots == 3


def test_a_lab_that_is_not_healthy_is_not_touched(lab: Lab) -> None:
    lab.shut = {"healthy"}
    failure = update(lab, FIRST).failure
    assert lab.done == ["clients begin", "healthy", "clients end"]
    assert failure is not None
    assert "the update stopped at node1, waiting until the lab is healthy" in failure.message
    for word in ("look closer", "./halab status story", "--rollback", "same command again"):
        assert word in str(failure.hint)


def test_a_node_that_nobody_can_stand_in_for_goes_on_serving(lab: Lab) -> None:
    lab.shut = {"node1 left"}
    assert update(lab, FIRST, SECOND).failure is not None
    assert lab.done[-3:] == [
        "node1 left",
        "node2: crm_standby --node node1 --delete",
        "clients end",
    ]


def test_a_node_that_does_not_join_stays_away_and_the_others_as_they_are(lab: Lab) -> None:
    lab.shut = {"node1 member"}
    failure = update(lab, FIRST, SECOND).failure
    assert failure is not None
    assert "waiting until it is a member again" in failure.message
    assert lab.done[-2:] == ["node1 member", "clients end"]
    assert not any(said.startswith("node2 ") for said in lab.done)


def test_a_node_that_is_not_well_afterwards_gets_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def member(node: str) -> None:
        lab.shut = {"healthy"}

    gates = lab.gates()
    gates.member = member
    monkeypatch.setattr(rolling, "Gates", lambda *_: gates)

    failure = update(lab, FIRST, SECOND).failure
    assert failure is not None
    assert "bringing it online" in failure.message
    assert lab.done[-4:] == [
        "node2: crm_standby --node node1 --delete",
        "healthy",
        "node2: crm_standby --node node1 --update on",
        "clients end",
    ]
    assert "node1 write_note finished" not in lab.done


@pytest.mark.parametrize("stops", [True, False])
def test_where_it_stopped_is_told_although_nobody_knows_what_clients_noticed(
    lab: Lab, stops: bool
) -> None:
    lab.lost, lab.shut = True, {"node1 member"} if stops else set()
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    account = made.run((FIRST,))
    assert (made.failure is not None) == stops
    assert not account.kept
    [line] = account.lines()
    assert line.endswith("is not known: the monitor has booted, and its log is gone")
    assert lab.done[-1] == "clients end"


def test_what_was_left_is_mended_by_going_on(lab: Lab) -> None:
    """It waits for no health before: the node itself is what is wrong, and serves nobody."""
    update(lab, replace(SECOND, resumes=True))
    assert lab.done[:3] == ["clients begin", "node2 keep", "node2 write_note begun"]
    assert lab.done.count("healthy") == 1


def test_where_nothing_is_left_to_install_the_node_is_only_brought_back(lab: Lab) -> None:
    """It was left before anything was installed, and nothing is offered any more."""
    update(lab, Turn("node2", NOTE.model_copy(update={"changes": ()}), resumes=True))
    assert lab.done == [
        "clients begin",
        f"node2: {' + '.join(PARTS.joining.splitlines())}",
        "node1: crm_standby --node node2 --delete",
        "healthy",
        "node2 forget",
        "clients end",
    ]


def test_who_serves_is_not_sent_away_before_the_lab_is_healthy(lab: Lab) -> None:
    """Its note is in the middle, and it is the only one that can serve."""
    lab.shut = {"healthy"}
    assert update(lab, replace(FIRST, resumes=True)).failure is not None
    assert lab.done == ["clients begin", "healthy", "clients end"]


@pytest.mark.parametrize(
    "turn", [replace(SECOND, resumes=True), Turn("node2", NOTE.back(reboot=False))]
)
def test_a_service_that_is_down_is_no_reason_not_to_mend_it(lab: Lab, turn: Turn) -> None:
    lab.silent = True
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    account = made.run([turn])
    assert made.failure is None
    assert "node2 install" in lab.done
    assert not account.kept
    with pytest.raises(HalabError, match="not reached"):
        made.run([SECOND])


def test_the_way_back_asks_for_no_health_before_its_end(lab: Lab) -> None:
    """What is wrong with the lab may be what goes."""
    back = [Turn(name, NOTE.back(reboot=False)) for name in ("node2", "node1")]
    assert update(lab, *back).failure is None
    waits = ("healthy", "left", "empty", "online")
    gates = [said for said in lab.done if said.endswith(waits)]
    # Whether anybody serves counts where it is the node itself that does.
    assert gates == ["node2 empty", "node2 online", "node1 left", "node1 online", "healthy"]


def test_the_way_back_does_not_end_with_a_node_that_nobody_can_stand_in_for(lab: Lab) -> None:
    lab.shut = {"node1 left"}
    failure = update(lab, Turn("node1", NOTE.back(reboot=False))).failure
    assert failure is not None
    assert "--rollback" not in str(failure.hint)
    assert lab.done[-2:] == ["node2: crm_standby --node node1 --delete", "clients end"]


def test_ctrl_c_leaves_nobody_in_standby_who_could_serve(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    gates = lab.gates()
    gates.left = interrupted
    monkeypatch.setattr(rolling, "Gates", lambda *_: gates)
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    with pytest.raises(KeyboardInterrupt):
        Rolling(site, Wanted(), Nobody()).run([FIRST])
    assert lab.done[-1] == "node2: crm_standby --node node1 --delete"


def test_the_way_back_keeps_nothing_and_leaves_no_note(lab: Lab) -> None:
    update(lab, Turn("node1", NOTE.back(reboot=False)))
    assert "node1 keep" not in lab.done
    assert lab.done[-3:] == ["node1 forget", "healthy", "clients end"]


def test_ctrl_c_says_where_it_stands(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "install", interrupted)
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    with pytest.raises(KeyboardInterrupt):
        made.run([FIRST])
    assert made.place == "node1, installing"


def test_who_speaks_for_the_cluster_meanwhile() -> None:
    assert peer_of(status_of(HEALTHY), "node1") == "node2"
    with pytest.raises(HalabError, match="no node but node1 is online"):
        peer_of(status_of(gone_to_standby()), "node1")
    assert peer_of(status_of(situation("standby")), "node2") == "node1"


def test_whom_it_costs_a_move() -> None:
    assert served_by(status_of(HEALTHY), "node1") == {"web"}
    assert served_by(status_of(HEALTHY), "node2") == frozenset()

"""A running cluster keeps its quorum while nodes come and go, and a device with them or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.errors import HalabError
from inventory.model import Inventory
from parts.facts import Facts
from parts.fencing import sbd
from parts.membership import corosync
from parts.quorum.device import CLIENT, SERVER
from tests.unit.provisioned_lab import everything, fencing_disk, plan_of, right, slots, votes, words
from tests.unit.scaled_lab import (
    FOUR,
    MEMBER,
    NOTHING,
    RELOADED,
    THREE,
    TWO,
    behind,
    growing,
    lab,
    shrinking,
    standing,
)
from tests.unit.test_provisioning_sequence import applied

WITH_DEVICE = lab(4)
GIVEN_UP = "quorum device given up"


def without(found: dict[str, Facts], before: Inventory, away: str) -> dict[str, Facts]:
    """Return how machines are when corosync is stopped on one node of a lab."""
    present = [node for node in before.nodes if node.name != away]
    seen = {corosync.VOTES: votes(before, present)}
    numbers = frozenset(node.number for node in present)
    for node in present:
        facts = found[node.name]
        found[node.name] = replace(facts, members=numbers, looks={**facts.looks, **seen})
    found[away] = replace(found[away], units={}, members=frozenset(), cib="", looks={})
    return found


@pytest.mark.parametrize(
    ("before", "after", "there"),
    [
        (2, 4, "of 5 votes that .* 3 are needed .* there are 2;"),
        (2, 5, "of 5 votes that .* 3 are needed .* there are 2;"),
        (3, 6, "of 7 votes that .* 4 are needed .* there are 3;"),
        (4, 8, "of 9 votes that .* 5 are needed .* there are 4;"),
    ],
)
def test_more_nodes_than_the_quorum_can_wait_for_are_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, before: int, after: int, there: str
) -> None:
    small, large = lab(before), lab(after)
    with pytest.raises(HalabError, match=there) as refused:
        applied(monkeypatch, large, growing(small, large))
    assert "several steps" in str(refused.value.hint)


@pytest.mark.parametrize("before", range(2, 8))
@pytest.mark.parametrize("quorum", [None, "majority"])
def test_a_whole_lab_can_have_one_node_more(
    monkeypatch: pytest.MonkeyPatch, before: int, quorum: str | None
) -> None:
    small, large = lab(before), lab(before + 1, quorum)
    doing, _ = applied(monkeypatch, large, growing(small, large))
    assert doing.where(RELOADED) == ["node1"]


def test_a_node_that_is_away_is_no_vote_for_who_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = without(growing(THREE, FOUR), THREE, "node2")
    with pytest.raises(HalabError, match=r"of 4 votes .* there are 2;") as refused:
        applied(monkeypatch, FOUR, found)
    assert "`up` with the old names first" in str(refused.value.hint)


def test_a_device_is_not_given_up_by_those_who_live_by_its_vote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two nodes have three votes with a device, as three have by themselves."""
    found = without(growing(TWO, THREE), TWO, "node2")
    with pytest.raises(HalabError, match=r"of 3 votes .* there are 1;"):
        applied(monkeypatch, THREE, found)


def test_a_lab_whose_votes_stay_is_mended_whoever_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    doing, _ = applied(monkeypatch, TWO, without(standing(TWO), TWO, "node2"))
    assert doing.where(RELOADED) == ["node1"]
    assert doing.where(MEMBER) == ["node2"]


def test_a_cluster_that_stops_anyway_has_no_quorum_to_lose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = lab(2), lab(4)
    found = growing(small, large)
    for node in small.nodes:
        disk = fencing_disk(7, 14) + slots(small.nodes)
        looks = {**found[node.name].looks, sbd.LOOK: disk}
        found[node.name] = replace(found[node.name], looks=looks)
    assert {machine.name for machine in plan_of(large, found).to_stop()} == {"node1", "node2"}
    applied(monkeypatch, large, found)


def test_a_device_begins_again_with_a_configuration_that_is_only_announced_now() -> None:
    plan = behind(WITH_DEVICE)
    for node in WITH_DEVICE.nodes:
        assert words(plan.membership(node, NOTHING)) == ["quorum device joined again"]
        assert plan_of(WITH_DEVICE, standing(WITH_DEVICE)).membership(node, NOTHING) == []


def test_a_device_goes_when_a_third_node_comes() -> None:
    found = plan_of(THREE, growing(TWO, THREE))
    first, _, new = THREE.nodes
    written = everything(found, first)

    assert words(found.membership(THREE.monitor, NOTHING)) == [GIVEN_UP]
    assert RELOADED in words(found.admission(first, written))
    # Corosync no longer expects its vote by then.
    (step,) = found.membership(first, NOTHING)
    assert step.what == GIVEN_UP
    assert step.command.startswith(f"systemctl disable --now {CLIENT}\n")
    assert corosync.DROP_IN in step.command
    assert words(found.membership(new, NOTHING)) == [MEMBER]


@pytest.mark.parametrize(("before", "after"), [(6, 3), (4, 2)])
def test_a_device_votes_until_nobody_expects_its_vote(
    monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    """Three of six nodes live by it until corosync expects three votes and no more."""
    large, small = lab(before), lab(after, "majority" if after > 2 else "two-node")
    doing, _ = applied(monkeypatch, small, shrinking(large, small))

    assert doing.where(GIVEN_UP) == sorted(machine.name for machine in small.machines)
    assert doing.first(RELOADED) < doing.first(GIVEN_UP)


def test_a_device_comes_back_when_the_third_node_has_left() -> None:
    found = plan_of(TWO, shrinking(THREE, TWO))
    first = TWO.nodes[0]
    written = everything(found, first)

    assert RELOADED in words(found.admission(first, written))
    assert words(found.membership(first, written)) == ["quorum device called for"]
    imported = found.steps(TWO.monitor, everything(found, TWO.monitor))
    assert "quorum device runs" in words(imported)


def test_a_device_that_is_gone_is_given_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert applied(monkeypatch, THREE, right(THREE))[0].done == []
    units: Mapping[str, Facts] = right(THREE)
    assert SERVER not in units["monitor"].units


def test_a_fourth_node_may_bring_a_device_with_it() -> None:
    found = plan_of(WITH_DEVICE, growing(THREE, WITH_DEVICE))
    for node in WITH_DEVICE.nodes:
        said = words(found.membership(node, NOTHING))
        assert said[-1] == "quorum device called for"

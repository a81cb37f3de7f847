"""A running cluster gets a node more, or has one less: what is done, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import HalabError
from inventory.model import Inventory, Machine
from parts.all import Parts
from parts.base import NEWCOMER
from parts.facts import COROSYNC, PACEMAKER, Facts
from parts.fencing import sbd
from parts.host import AT_BOOT, UNITS
from parts.membership import corosync
from parts.pacemaker import NEW_NOTE, NEW_START
from parts.system.names import HOSTS
from provisioning import cib
from provisioning.plan import Plan
from tests.unit.provisioned_lab import (
    RUNNING,
    fencing_disk,
    fresh,
    plan_of,
    slots,
    words,
)
from tests.unit.scaled_lab import (
    FOUR,
    MEMBER,
    NOTHING,
    RELOADED,
    THREE,
    behind,
    growing,
    lab,
    shrinking,
    standing,
    with_nodes,
)
from tests.unit.test_provisioning_sequence import Doing, applied

JOINED, STARTED = "connected with all other nodes", "cluster started"
WELCOMED = ["fencing of this node proven ready", "taken into service"]

LARGE = lab(6, "majority")
NEW = FOUR.nodes[-1]


def interrupted(**changes: object) -> dict[str, Facts]:
    """Return how machines are when a run that made THREE into FOUR has ended early."""
    found = growing(THREE, FOUR)
    return {**found, NEW.name: replace(found[NEW.name], **changes)}  # type: ignore[arg-type]


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> Doing:
    return applied(monkeypatch, FOUR, growing(THREE, FOUR))[0]


def test_a_new_node_is_taken_in_step_by_step_and_the_others_run_on(grown: Doing) -> None:
    order = [MEMBER, JOINED, STARTED, *WELCOMED]

    assert [what for machine, what in grown.done if machine == NEW.name and what in order] == order
    for what in order:
        assert grown.where(what) == [NEW.name]


def test_the_others_know_a_new_node_before_it_comes(grown: Doing) -> None:
    assert grown.where(RELOADED) == ["node1"]
    configured = [when for when, (_, what) in enumerate(grown.done) if what == "watchdog loaded"]
    assert max(configured) < grown.first(RELOADED) < grown.first(MEMBER)
    # Before it can become a danger, it can be fenced.
    slot = f"slot for {NEW.name} on the fencing disk"
    assert grown.where(slot) == ["node1"]
    assert grown.first(slot) < grown.first(MEMBER)


def test_nothing_is_stopped_for_a_new_node() -> None:
    assert plan_of(FOUR, growing(THREE, FOUR)).to_stop() == ()


def test_a_member_that_the_lab_does_not_have_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node that left may come back by a boot, with the configuration that it has."""
    found = shrinking(FOUR, THREE)
    found["node2"] = replace(found["node2"], members=frozenset({1, 2, 3, 4}))
    with pytest.raises(HalabError, match="node2 has node 4 as a member"):
        applied(monkeypatch, THREE, found)


def paths(found: Plan, machine: Machine) -> list[str]:
    """Return what is written on a machine, in order."""
    return [file.path for file in found.files(machine)]


def test_a_new_node_is_one_before_it_can_boot_into_the_cluster() -> None:
    found = plan_of(FOUR, growing(THREE, FOUR))
    order = [NEW_NOTE, NEW_START, f"{UNITS}/{AT_BOOT}/{PACEMAKER}"]
    assert [path for path in paths(found, NEW) if path in order] == order
    # systemd is told before anything is started.
    assert "systemd knows the units" in words(found.steps(NEW, frozenset({NEW_START})))
    for machine in (*THREE.nodes, FOUR.monitor):
        assert not {NEW_NOTE, NEW_START} & set(paths(found, machine))


def test_a_node_that_was_away_is_not_new() -> None:
    away = replace(standing(FOUR)[NEW.name], units={})
    found = plan_of(FOUR, {**standing(FOUR), NEW.name: away})
    assert not {NEW_NOTE, NEW_START} & set(paths(found, NEW))
    assert words(found.start(NEW)) == [STARTED]


def test_a_new_node_asks_for_its_links_to_those_who_are_there_alone() -> None:
    step, _ = plan_of(LARGE, growing(FOUR, LARGE)).start(LARGE.nodes[-1])
    for node in LARGE.nodes:
        for link in corosync.LINKS:
            statistic = f"stats.knet.node{node.number}.link{link}.connected"
            assert (statistic in step.command) == (node in FOUR.nodes), statistic


def test_a_lab_that_is_built_has_no_new_nodes() -> None:
    found = plan_of(FOUR, fresh(FOUR))
    for node in FOUR.nodes:
        assert not {NEW_NOTE, NEW_START} & set(paths(found, node))
        assert words(found.start(node)) == [STARTED]
        assert found.welcome(node) == []


def test_everybody_is_told_of_a_new_node() -> None:
    found = plan_of(FOUR, growing(THREE, FOUR))
    for machine in FOUR.machines:
        hosts = next(file for file in found.files(machine) if file.path == HOSTS)
        assert "10.10.0.4 node4\n" in hosts.content  # type: ignore[union-attr]
        assert found.delivery(machine), "firewall rules that let the new node in"


def test_a_run_that_ended_before_the_start_goes_on_with_it() -> None:
    member = {COROSYNC: RUNNING}
    found = plan_of(FOUR, interrupted(units=member, notes={NEWCOMER: "demo"}))

    assert words(found.membership(NEW, NOTHING)) == []
    assert words(found.start(NEW)) == [JOINED, STARTED]
    assert NEW_START in paths(found, NEW)
    assert words(found.welcome(NEW)) == WELCOMED


def test_a_run_that_ended_in_standby_goes_on_from_there() -> None:
    running = {COROSYNC: RUNNING, PACEMAKER: RUNNING}
    known = with_nodes(cib.desired(Parts(FOUR)), FOUR.nodes)
    found = plan_of(FOUR, interrupted(units=running, notes={NEWCOMER: "demo"}, cib=known))

    assert words(found.start(NEW)) == [JOINED]
    assert words(found.welcome(NEW)) == WELCOMED


def test_a_node_that_was_taken_in_is_not_taken_in_again() -> None:
    found = plan_of(FOUR, standing(FOUR))
    assert [found.welcome(node) for node in FOUR.nodes] == [[], [], [], []]


def test_a_configuration_that_was_written_and_not_taken_over_is_announced() -> None:
    plan = behind(FOUR)
    assert words(plan.admission(FOUR.nodes[0], NOTHING)) == [RELOADED]
    assert plan.admission(FOUR.nodes[1], NOTHING) == []


def test_who_is_a_member_announces_it() -> None:
    found = standing(FOUR)
    found["node1"] = replace(found["node1"], units={})
    plan, changed = plan_of(FOUR, found), frozenset({corosync.CONFIGURATION})
    said = [words(plan.admission(node, changed)) for node in FOUR.nodes]
    assert said == [[], [RELOADED], [], []]


def test_a_node_that_left_is_forgotten_by_membership_and_fencing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    doing, _ = applied(monkeypatch, THREE, shrinking(FOUR, THREE))

    assert doing.where(RELOADED) == ["node1"]
    assert doing.where(f"slot of {NEW.name} on the fencing disk given up") == ["node1"]
    assert doing.where(MEMBER) == doing.where(STARTED) == []
    text = corosync.next_configuration(THREE, [corosync.configuration(FOUR, 7)] * 3)
    assert "config_version: 8" in text
    assert "node4" not in text


def steps_from(before: Inventory, after: Inventory, extra: str = "") -> list[str]:
    """Return what is done to a running cluster's configuration, in order."""
    text = with_nodes(cib.desired(Parts(before)), before.nodes)
    text = text.replace("</constraints>", f"{extra}</constraints>")
    return [step.what for step in cib.steps(text, Parts(after))]


BAN = (
    '<rsc_location id="cli-ban-web-on-node4" rsc="web-everywhere" node="node4" score="-INFINITY"/>'
)
RULED = (
    '<rsc_location id="cli-prefer-web" rsc="web-everywhere"><rule id="r" score="INFINITY">'
    '<expression id="e" attribute="#uname" operation="eq" value="node4"/></rule></rsc_location>'
)


def test_the_cluster_forgets_a_node_after_all_that_is_about_it() -> None:
    said = steps_from(FOUR, THREE, BAN + RULED)

    assert said[0] == "constraint address-4-with-web-everywhere removed"
    assert "cluster resources replaced" in said
    assert said[-3:] == [
        "constraint cli-ban-web-on-node4 removed",
        "constraint cli-prefer-web removed",
        "node4 forgotten by the cluster",
    ]


def test_what_people_wrote_about_other_nodes_stays() -> None:
    said = steps_from(FOUR, THREE, BAN.replace("node4", "node3"))
    assert not [what for what in said if "cli-ban" in what]


def test_a_cluster_of_its_own_nodes_forgets_nobody() -> None:
    assert steps_from(FOUR, FOUR) == []
    remote = '<node id="far" uname="far" type="remote"/></nodes>'
    text = with_nodes(cib.desired(Parts(FOUR)), FOUR.nodes).replace("</nodes>", remote)
    assert cib.steps(text, Parts(FOUR)) == ()


def test_slots_of_another_cluster_on_the_same_disk_stay() -> None:
    found = standing(THREE)
    shared = found["node1"].looks[sbd.LOOK] + "4\tdb1\tclear\t\n"
    found["node1"] = replace(found["node1"], looks={sbd.LOOK: shared})
    assert words(plan_of(THREE, found).admission(THREE.nodes[0], NOTHING)) == []


def test_slots_are_not_touched_on_a_disk_that_is_written_anew() -> None:
    found = shrinking(FOUR, THREE)
    other = {**found["node1"].looks, sbd.LOOK: fencing_disk(7, 14) + slots(FOUR.nodes)}
    found["node1"] = replace(found["node1"], looks=other)
    assert "slot" not in str(words(plan_of(THREE, found).admission(THREE.nodes[0], NOTHING)))

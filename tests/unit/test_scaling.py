"""A running cluster gets a node more, or has one less: what is done, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from xml.etree import ElementTree

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
from parts.quorum.device import CLIENT, SERVER
from parts.system.names import HOSTS
from provisioning import cib
from provisioning.plan import Plan
from tests.unit.composed_labs import EVERYWHERE
from tests.unit.provisioned_lab import (
    RUNNING,
    everything,
    fencing_disk,
    fresh,
    inventory,
    plan_of,
    right,
    slots,
    votes,
    words,
)
from tests.unit.test_provisioning_sequence import Doing, applied

NOTHING: frozenset[str] = frozenset()
RELOADED = "corosync took over its configuration"
MEMBER, JOINED, STARTED = "membership started", "connected with all other nodes", "cluster started"
WELCOMED = ["fencing of this node proven ready", "taken into service"]
GIVEN_UP = "quorum device given up"


def lab(count: int, quorum: str | None = None) -> Inventory:
    """Return a lab with so many nodes that all serve and keep no data."""
    names = [f"node{number}" for number in range(1, count + 1)]
    chosen = {"quorum": {"kind": quorum}} if quorum else {}
    return inventory(nodes={"names": names}, services={"web": EVERYWHERE}, **chosen)


THREE, FOUR, LARGE = lab(3), lab(4, "majority"), lab(6, "majority")
NEW = FOUR.nodes[-1]


def with_nodes(text: str, nodes: tuple[Machine, ...]) -> str:
    """Return a CIB as a cluster writes it that knows these nodes."""
    root = ElementTree.fromstring(text)
    section = root.find("configuration/nodes")
    assert section is not None
    for node in nodes:
        ElementTree.SubElement(section, "node", id=str(node.number), uname=node.name)
    return ElementTree.tostring(root, encoding="unicode")


def standing(before: Inventory) -> dict[str, Facts]:
    """Return how the machines of a healthy lab are."""
    return {
        name: replace(facts, cib=with_nodes(facts.cib, before.nodes)) if facts.cib else facts
        for name, facts in right(before).items()
    }


def growing(before: Inventory, after: Inventory) -> dict[str, Facts]:
    """Return how machines are when nodes of another lab have come to those of a healthy one."""
    return {**fresh(after), **standing(before)}


def shrinking(before: Inventory, after: Inventory) -> dict[str, Facts]:
    """Return how the machines that stay are when others have left a healthy lab."""
    there = standing(before)
    numbers = frozenset(node.number for node in after.nodes)
    return {
        machine.name: replace(facts, members=facts.members & numbers)
        for machine in after.machines
        if (facts := there[machine.name])
    }


def interrupted(**changes: object) -> dict[str, Facts]:
    """Return how machines are when a run that made THREE into FOUR has ended early."""
    found = growing(THREE, FOUR)
    return {**found, NEW.name: replace(found[NEW.name], **changes)}  # type: ignore[arg-type]


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


def test_a_member_that_the_lab_does_not_have_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node that left may come back by a boot, with the configuration that it has."""
    found = shrinking(FOUR, THREE)
    found["node2"] = replace(found["node2"], members=frozenset({1, 2, 3, 4}))
    with pytest.raises(HalabError, match="node2 has node 4 as a member"):
        applied(monkeypatch, THREE, found)


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


def behind(lab: Inventory) -> Plan:
    """Return what follows when corosync.conf was written, and nobody told the cluster."""
    text = corosync.configuration(lab, 2)
    return plan_of(
        lab, {name: replace(facts, corosync_conf=text) for name, facts in standing(lab).items()}
    )


def test_a_configuration_that_was_written_and_not_taken_over_is_announced() -> None:
    plan = behind(FOUR)
    assert words(plan.admission(FOUR.nodes[0], NOTHING)) == [RELOADED]
    assert plan.admission(FOUR.nodes[1], NOTHING) == []


def test_a_device_begins_again_with_a_configuration_that_is_only_announced_now() -> None:
    plan = behind(WITH_DEVICE)
    for node in WITH_DEVICE.nodes:
        assert words(plan.membership(node, NOTHING)) == ["quorum device joined again"]
        assert plan_of(WITH_DEVICE, standing(WITH_DEVICE)).membership(node, NOTHING) == []


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


TWO, WITH_DEVICE = lab(2), lab(4)


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

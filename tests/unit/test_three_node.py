"""Data on two of three nodes: the third votes, serves what keeps none, and is asked for no more."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from drills import readiness
from drills.catalogue import find
from drills.expectations import frozen_s, stall_s
from drills.faults import replication
from drills.faults.base import Scene
from drills.power import Power
from drills.rulings import data
from drills.schedule import soak
from drills.site import Site
from drills.situation import Fate
from drills.targets import resolve
from inventory.record import LabRecord
from labs.addressing import machines
from labs.changes import compare, refuse
from labs.checking import check
from labs.effects import Effect
from labs.model import Lab
from parts.all import Parts
from parts.base import Found
from parts.host import File
from parts.seen import NodeSeen, Seen
from parts.storage import replicas
from provisioning import cib
from status.collect import describe
from status.rules import judge
from tests.unit.collected import fixture, healthy_tools, load_collector
from tests.unit.composed_labs import LABS
from tests.unit.healthy_lab import SECONDARY, healthy, kernel_text
from tests.unit.planned_lab import SECRETS
from tests.unit.provisioned_lab import fresh, inventory, plan_of, right, words
from tests.unit.sample_findings import FLAWLESS
from tests.unit.scaled_lab import MEMBER, growing
from tests.unit.situations import expected, situation
from tests.unit.sketched import PAIR, PAIR_TABLES, STORY
from tests.unit.test_cluster_status import look, settings_of
from tests.unit.test_provisioning_sequence import applied
from wire.pacemaker import parse_cluster

NODE1, NODE2, NODE3 = PAIR.inventory.nodes
DATA = PAIR.replicas["data"]
LOADED, MADE = "DRBD loaded", "replication initialised, filesystem made"
KEPT_AWAY = {
    "replication-never-on-node3": "replication",
    "service-never-on-node3": "service",
}


def lab(**tables: Any) -> Lab:
    return check("my.toml", {"version": 1, "name": "pair", **PAIR_TABLES, **tables}, Lab)


def storage(**keys: Any) -> dict[str, Any]:
    return {"data": {"kind": "drbd", **keys}}


def seen_node(name: str) -> NodeSeen:
    """Return what a node of the healthy lab says."""
    found = healthy(PAIR).nodes[name]
    assert found is not None
    return found


def told(node: NodeSeen, kernel: str) -> NodeSeen:
    """Return the same where its kernel says this of replication."""
    return replace(node, told={**node.told, replicas.READING: kernel})


def with_nodes(changed: dict[str, NodeSeen]) -> Seen:
    """Return the healthy lab in which these nodes say something else."""
    seen = healthy(PAIR)
    return replace(seen, nodes={**seen.nodes, **changed})


def problem(**tables: Any) -> str:
    with pytest.raises(HalabError) as raised:
        lab(**tables)
    return str(raised.value.detail)


class TestDefinition:
    def test_only_nodes_with_the_data_have_a_disk_for_them(self) -> None:
        disks = {plan.name: plan.data_disks for plan in machines(lab())}
        assert disks == {
            "node1": {"data": 512},
            "node2": {"data": 512},
            "node3": {},
            "monitor": {},
        }

    def test_of_three_nodes_two_have_to_be_named(self) -> None:
        said = problem(storage=storage())
        assert "2 names, with storage that is replicated and names no nodes" in said
        assert '[storage.data] nodes = ["node1", "node2"]' in said

    @pytest.mark.parametrize("names", [["node1"], ["node1", "node2", "node3"], ["node1", "node1"]])
    def test_neither_more_nor_fewer(self, names: list[str]) -> None:
        assert "DRBD 8.4 replicates between two nodes" in problem(storage=storage(nodes=names))

    def test_they_are_nodes_of_the_lab(self) -> None:
        said = problem(storage=storage(nodes=["node1", "node9"]))
        assert 'storage.data.nodes = "node9"' in said
        assert 'allowed: names of nodes: "node1", "node2", "node3"' in said

    def test_a_service_is_at_home_where_its_data_can_be(self) -> None:
        web = {"web": {"kind": "nginx", "storage": "data", "home": "node3"}}
        assert 'a node that has its data: "node1", "node2"' in problem(services=web)

    def test_the_order_of_their_names_means_nothing(self) -> None:
        changed = lab(storage=storage(nodes=["node2", "node1"]))
        assert compare(lab(), changed) == ()


class TestChanges:
    TWO = Lab.model_validate({"version": 1, "name": "pair"})

    def grown(self, **keys: Any) -> Lab:
        tables = {"nodes": PAIR_TABLES["nodes"], "storage": storage(**keys)}
        return Lab.model_validate({"version": 1, "name": "pair", **tables})

    def test_a_third_node_may_come_to_two_with_data_and_leave_them(self) -> None:
        three = self.grown(nodes=["node1", "node2"])
        for before, after, effect in (
            (self.TWO, three, Effect.JOINED),
            (three, self.TWO, Effect.LEFT),
        ):
            changes = compare(before, after)
            refuse("pair", changes)
            assert {change.key: change.effect for change in changes} == {
                "nodes.names": effect,
                "quorum.kind": Effect.LIVE,
            }

    def test_disks_stay_where_they_are(self) -> None:
        with pytest.raises(HalabError) as raised:
            refuse("pair", compare(self.TWO, self.grown(nodes=["node1", "node3"])))
        assert "storage.data.nodes" in str(raised.value.detail)
        assert "disks stay in the nodes that they are in" in str(raised.value.detail)


class TestConfiguration:
    def test_the_cluster_never_looks_for_them_at_the_third(self) -> None:
        root = ElementTree.fromstring(cib.desired(PAIR))
        found = root.findall("configuration/constraints/rsc_location[@resource-discovery='never']")
        assert {item.get("id"): item.get("rsc") for item in found} == KEPT_AWAY
        assert {(item.get("node"), item.get("score")) for item in found} == {("node3", "-INFINITY")}

    def test_where_all_nodes_have_them_nobody_is_kept_away(self) -> None:
        assert "never" not in cib.desired(STORY)

    def test_the_third_gets_nothing_of_replication(self) -> None:
        paths = {
            node.name: {file.path for file in DATA.files(node, SECRETS, Found({}, ()))}
            for node in PAIR.inventory.nodes
        }
        assert DATA.configuration in paths["node1"] == paths["node2"]
        assert paths["node3"] == set()
        assert DATA.looks(NODE3) == {}

    def test_two_nodes_replicate(self) -> None:
        (resource,) = (
            cast(File, file).data.decode()
            for file in plan_of(PAIR.inventory, fresh(PAIR.inventory)).files(NODE1)
            if file.path == DATA.configuration
        )
        assert [f'on "{node.name}"' in resource for node in PAIR.inventory.nodes] == [
            True,
            True,
            False,
        ]

    def test_whoever_has_them_first_makes_the_filesystem(self) -> None:
        apart = LABS["apart"]
        plan = plan_of(apart, fresh(apart))
        made = {
            node.name: words(plan.membership(node, frozenset())).count(MADE) for node in apart.nodes
        }
        # Of one storage that is node2, of the other node1.
        assert made == {"node1": 1, "node2": 1, "node3": 0, "node4": 0}


class TestReading:
    def test_a_third_node_without_a_device_is_healthy(self) -> None:
        seen = healthy(PAIR)
        third = seen.nodes["node3"]
        assert third is not None and "cs:" not in third.told[replicas.READING]
        assert judge(PAIR, seen) == ()
        assert set(describe(PAIR, seen, None).replication["data"]) == {"node1", "node2"}

    def test_a_replica_that_is_missed_is_one_of_two(self) -> None:
        silent = {name: told(seen_node(name), kernel_text({})) for name in ("node2", "node3")}
        reasons = [each.sentence for each in judge(PAIR, with_nodes(silent))]
        assert "the replicated disk is not up on node2" in reasons
        assert not any("node3" in sentence for sentence in reasons)

    def test_who_waits_for_newer_data_waits_for_who_has_some(self) -> None:
        stale = SECONDARY.replace(connection="WFConnection", disk="Outdated")
        found = with_nodes({"node1": told(seen_node("node1"), kernel_text({0: stale}))})
        sentences = [each.sentence for each in judge(PAIR, found)]
        assert "node1 waits for node2, which has newer data" in sentences

    def test_what_keeps_a_service_away_for_good_is_no_ban_that_somebody_left(self) -> None:
        kept = "".join(
            f'<ban id="{name}" resource="{rsc}" node="node3" weight="-1000000"/>'
            for name, rsc in KEPT_AWAY.items()
        )
        text = fixture("crm_mon-banned.xml").replace("<bans>", f"<bans>{kept}")
        view = parse_cluster(text)
        assert view is not None
        assert [ban.resource for ban in view.bans] == ["replication"]
        assert view.bans[0].id.startswith("drbd-fence-by-handler")

    def test_the_third_tells_zabbix_nothing_of_a_replica_and_all_of_the_cluster(
        self,
    ) -> None:
        collector = load_collector(healthy_tools())
        node, cluster = look(collector, settings_of(PAIR, "node3"))
        assert "drbd" not in node
        assert cluster["promoted"] == {"drbd": 1}
        assert "drbd" in look(collector, settings_of(PAIR, "node2"))[0]


class TestDrills:
    def test_only_who_could_serve_stands_by(self) -> None:
        status, web = describe(PAIR, healthy(PAIR), None), PAIR.services["web"]
        assert {resolve("standby", status, web, Random(seed)) for seed in range(20)} == {("node2",)}

    def test_a_fault_of_data_is_for_who_has_them(self, tmp_path: Path) -> None:
        nobody = cast(LabRecord, None), cast(Power, None)
        site = Site(LabFolder(tmp_path / "pair"), PAIR.inventory, *nobody)
        drill = find("data-disk-lost", PAIR)
        with pytest.raises(HalabError, match="about service web, which node3 cannot run") as raised:
            readiness.check_targets(site, drill, ("node3",), ["node1"])
        assert raised.value.hint == "it runs on node1 or node2"
        readiness.check_targets(site, drill, ("node2",), ["node1"])
        readiness.check_targets(site, find("power-off", PAIR), ("node3",), ["node1"])

    def test_the_loss_of_the_third_holds_no_write(self) -> None:
        found = expected(PAIR, "power-off", "node3")
        assert (found.fate, found.interrupted, found.verify) == (Fate.STAYS, False, False)
        assert found.fenced == {"node3"}
        assert found.outage_s == stall_s(PAIR.inventory.timing)
        peer = expected(PAIR, "power-off", "node2").outage_s
        assert peer == frozen_s(situation(PAIR, "node2"), {"node2"}) > found.outage_s

    def test_its_own_address_is_away_meanwhile_and_comes_home(self) -> None:
        there = situation(PAIR, "node3", service="api")
        found = find("power-off", PAIR).expects(there)
        assert (found.fate, found.interrupted) == (Fate.VISITS, True)

    def test_a_third_that_is_cut_off_ends_and_nobody_else(self) -> None:
        assert expected(PAIR, "links-down", "node3").fenced == {"node3"}

    def test_data_part_between_those_that_have_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(replication, "run_on", lambda node, *_, **__: told.append(node.name))
        monkeypatch.setattr(replication, "repair_on", lambda _, node, __: told.append(node.name))
        scene = Scene(PAIR.inventory, cast(Power, None), (NODE2,), {})
        fault = find("split-brain", PAIR).fault
        fault.inject(scene)
        fault.heal(scene)
        assert set(told) == {"node1", "node2"}

    def test_two_disks_are_all_that_can_be_compared(self) -> None:
        compared = replace(FLAWLESS, part=PAIR.first_service, out_of_sync={"node1": 0, "node2": 0})
        assert data.disks(compared) == (True, "node1: 0 KiB differ, node2: 0 KiB differ")

    def test_a_soak_loses_the_third_as_well(self) -> None:
        turns = [turn for turn in islice(soak(PAIR, 1), 300) if turn.target == "node3"]
        assert turns
        assert {turn.drill.service for turn in turns} == {None}


class TestGrowth:
    """A lab with data on its two nodes gets a third."""

    TWO = inventory(services=PAIR_TABLES["services"], storage=PAIR_TABLES["storage"])
    THREE = inventory(**PAIR_TABLES)

    def test_the_cluster_knows_where_not_to_look_before_the_node_joins(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        doing, _ = applied(monkeypatch, self.THREE, growing(self.TWO, self.THREE))
        for name in KEPT_AWAY:
            created = f"constraint {name} created"
            assert doing.where(created) == ["node1"]
            assert doing.first(created) < doing.first(MEMBER)
        assert doing.where(MEMBER) == ["node3"]

    def test_nothing_of_the_data_is_made_or_loaded_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        doing, _ = applied(monkeypatch, self.THREE, growing(self.TWO, self.THREE))
        assert "node3" not in {*doing.where(LOADED), *doing.where(MADE)}

    def test_who_knows_it_is_not_told_again(self) -> None:
        known = cib.desired(Parts(self.THREE))
        assert cib.exclusions(known, Parts(self.THREE)) == ()

    def test_a_service_that_comes_at_the_same_time_is_told_with_it(self) -> None:
        bare = inventory(services={"api": PAIR_TABLES["services"]["api"]})
        assert cib.exclusions(cib.desired(Parts(bare)), Parts(self.THREE)) == ()

    def test_a_lab_that_rests_is_left_alone(self) -> None:
        plan = plan_of(self.THREE, right(self.THREE))
        assert [words(plan.admission(node, frozenset())) for node in self.THREE.nodes] == [
            [],
            [],
            [],
        ]

"""What people leave behind is named with the command that ends it; what is over harms nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.command import run
from parts.reasons import FOR_EVER, Remedy
from parts.seen import NodeState, Seen
from parts.system.upkeep import READING, UPDATE_NOTE, Upkeep
from status.collect import describe
from status.rules import judge
from tests.unit.broken_lab import (
    broken,
    seen_by_cluster,
    situation,
    the_reason,
    with_disk,
)
from tests.unit.healthy_lab import NODE_UNITS, PARTS
from updates.note import Note
from wire.cib import Deeds, Preference, Setting, parse_deeds
from wire.pacemaker import Ban, FailCount, Failure, FenceEvent

CIB = """<cib><configuration>
  <crm_config><cluster_property_set id="cib-bootstrap-options">
    <nvpair id="s" name="stop-all-resources" value="true"/>
  </cluster_property_set></crm_config>
  <nodes><node id="2" uname="node2"><instance_attributes id="nodes-2">
    <nvpair id="n" name="standby" value="on"/></instance_attributes></node></nodes>
  <resources>
    <group id="service">
      <meta_attributes id="m"><nvpair id="t" name="target-role" value="Stopped"/></meta_attributes>
      <primitive id="web"><meta_attributes id="w">
        <nvpair id="u" name="is-managed" value="false"/>
        <nvpair id="r" name="target-role" value="Started"/></meta_attributes></primitive>
    </group>
  </resources>
  <constraints>
    <rsc_location id="cli-prefer-service" rsc="service" node="node1" score="INFINITY"/>
    <rsc_location id="cli-prefer-drbd" rsc="drbd"><rule id="r1" score="INFINITY">
      <expression id="e" attribute="#uname" operation="eq" value="node2"/></rule></rsc_location>
    <rsc_location id="service-needs-its-cable" rsc="service"/>
  </constraints>
</configuration></cib>"""

DEEDS = Deeds(
    settings=(Setting("service", "target-role", "Stopped"), Setting("web", "is-managed", "false")),
    preferences=(
        Preference("cli-prefer-service", "service", "node1"),
        Preference("cli-prefer-drbd", "drbd", "node2"),
    ),
    standby=frozenset({"node2"}),
    stops_all=True,
)


def test_what_was_set_is_read_from_the_cib() -> None:
    assert parse_deeds(CIB) == DEEDS
    assert parse_deeds("") == parse_deeds(CIB[:300]) == Deeds()


LEFT = [
    (situation("standby"), "node2 is in standby", "crm_standby --node node2 --delete"),
    (
        seen_by_cluster(bans=(Ban("cli-ban-service-on-node1", "service", "node1"),)),
        "constraint cli-ban",
        "crm_resource --resource service --clear",
    ),
    (
        seen_by_cluster(bans=(Ban("mine", "service", "node1"),)),
        "constraint mine",
        "cibadmin --delete --xpath \"//rsc_location[@id='mine'",
    ),
    (
        seen_by_cluster(maintenance=True),
        "the cluster is in",
        "crm_attribute --name maintenance-mode",
    ),
    (seen_by_cluster(fencing_enabled=False), "fencing is", "crm_attribute --name stonith-enabled"),
    (
        broken("node1", deeds=DEEDS),
        "the cluster is told",
        "crm_attribute --name stop-all-resources",
    ),
    (
        broken("node1", deeds=DEEDS),
        "resource service is out of service: target-role is Stopped",
        "crm_resource --resource service --meta --delete-parameter target-role",
    ),
    (
        broken("node1", deeds=DEEDS),
        "constraint cli-prefer-service pulls",
        "crm_resource --resource",
    ),
    (
        with_disk("node2", connection="StandAlone"),
        "replication on node2 is StandAlone",
        "drbdadm connect r0",
    ),
    (
        with_disk("node2", disk="Diskless"),
        "the replicated disk on node2 is Diskless",
        "drbdadm attach r0",
    ),
    (
        broken("node2", units={**NODE_UNITS, "corosync-qdevice": "inactive"}),
        "service corosync-qdevice on node2 is inactive",
        "systemctl reset-failed corosync-qdevice; systemctl start",
    ),
]


@pytest.mark.parametrize(("seen", "beginning", "command"), LEFT, ids=[x[1] for x in LEFT])
def test_what_only_a_person_ends_says_how(seen: Seen, beginning: str, command: str) -> None:
    reason = the_reason(seen, beginning)
    assert reason.lasts_s == FOR_EVER and not reason.past
    assert reason.remedy is not None and reason.remedy.command.startswith(command)
    status = describe(PARTS, seen, None)
    assert reason.sentence in {remedy.reason for remedy in status.remedies}


def test_standby_until_the_next_boot_is_taken_back_as_such() -> None:
    remedy = the_reason(situation("standby"), "node2 is in standby").remedy
    assert remedy is not None and remedy.command.endswith("--lifetime reboot")


@pytest.mark.parametrize("finished", [True, False])
def test_a_node_that_an_update_protects_is_not_brought_online_lightly(
    tmp_path: Path, *, finished: bool
) -> None:
    """`heal` takes nothing back that has a warning."""
    note = tmp_path / "note.json"
    note.write_text(Note(changes=(), finished=finished).model_dump_json(indent=1))
    [asked] = Upkeep(PARTS.inventory).readings().values()
    printed = run(["/bin/sh", "-c", asked.replace(UPDATE_NOTE, str(note))], check=False).stdout

    seen = situation("standby")
    node = seen.nodes["node2"]
    assert node is not None
    told = {**node.told, READING: printed}
    seen = replace(seen, nodes={**seen.nodes, "node2": replace(node, told=told)})
    reason = the_reason(seen, "node2 is in standby")
    assert reason.remedy is not None
    assert (reason.remedy.warning is None) == finished
    assert reason.sentence.endswith("in the middle of an update") != finished


def test_data_are_given_up_with_a_warning_only() -> None:
    remedy = the_reason(situation("unclean"), "node2 is unclean").remedy
    assert remedy is None
    both = with_disk("node1", connection="StandAlone")
    both = with_disk("node2", seen=both, connection="StandAlone")
    survivor = the_reason(both, "replication on node1").remedy
    victim = the_reason(both, "replication on node2").remedy
    assert survivor is not None and survivor.warning is None
    assert victim is not None and "--discard-my-data" in victim.command
    assert victim.warning == "gives up what was written on node2 alone"


def test_a_failure_that_is_over_is_past() -> None:
    over = seen_by_cluster(
        fail_counts=(FailCount("web", "node1", "1", "3"),),
        failures=(Failure("web_monitor_10000", "node1", "not running"),),
        fence_events=(FenceEvent("node2", "reboot", "failed", "t"),),
    )
    status = describe(PARTS, over, None)
    assert status.healthy
    assert status.history == (
        "operation web_monitor_10000 failed on node1: not running",
        "resource web has failed 1 times on node1",
        "the last fencing of node2 failed",
    )
    assert [remedy.by_itself_s for remedy in status.remedies] == [900, 900, None]


@pytest.mark.parametrize("count", ["3", "INFINITY", "1000000"])
def test_a_resource_that_was_given_up_on_a_node_is_not_past(count: str) -> None:
    given_up = seen_by_cluster(fail_counts=(FailCount("web", "node2", count, "3"),))
    reason = the_reason(given_up, f"resource web has failed {count}")
    assert not reason.past and reason.lasts_s == 900


def test_a_lost_node_is_confirmed_with_a_warning_only() -> None:
    lost = situation("unclean")
    assert lost.state("node2") is NodeState.UNCLEAN
    failed = seen_by_cluster(
        seen=lost, fence_events=(FenceEvent("node2", "reboot", "failed", "t"),)
    )
    reason = the_reason(failed, "the last fencing")
    assert reason.remedy is not None and reason.remedy.warning and not reason.past


def test_maintenance_is_told_once() -> None:
    paused = seen_by_cluster(maintenance=True)
    assert not [r for r in judge(PARTS, paused) if "is not managed" in r.sentence]


def test_commands_are_ready_to_paste() -> None:
    assert Remedy("node1", "crm_resource --cleanup").paste("story") == (
        "./halab ssh story node1 -- crm_resource --cleanup"
    )
    assert Remedy("node1", "a; b 'c'").paste("story") == (
        "./halab ssh story node1 -- 'a; b '\"'\"'c'\"'\"''"
    )

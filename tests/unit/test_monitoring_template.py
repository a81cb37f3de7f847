"""The monitoring template: it is what Zabbix exported, and nothing that can fail goes unwatched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from provisioning.zabbix.configuration import CLUSTER, MACHINE, NODE, template
from provisioning.zabbix.names import STATUS_FILE
from status.problems import Alarm

EXPORT = yaml.safe_load(template())["zabbix_export"]


def triggers() -> Iterator[dict[str, Any]]:
    yield from EXPORT.get("triggers", [])
    for entry in EXPORT["templates"]:
        for item in entry["items"]:
            yield from item.get("triggers", [])


def expressions() -> dict[str, str]:
    """All expressions of an alarm's triggers, one text each."""
    found: dict[str, str] = {}
    for trigger in triggers():
        (alarm,) = [tag["value"] for tag in trigger["tags"] if tag["tag"] == "alarm"]
        found[alarm] = found.get(alarm, "") + "\n" + trigger["expression"]
    return found


ALERT_ON = {
    "quorum lost": (Alarm.QUORUM_LOST, "node.quorate"),
    "node offline or unclean": (Alarm.NODE_LOST, "lost|offline|unclean"),
    "fencing happened": (Alarm.FENCED, "cluster.fenced"),
    "fencing failed": (Alarm.FENCING_FAILED, "cluster.fencing_failed"),
    "stonith disabled": (Alarm.FENCING_DISABLED, "cluster.fencing"),
    "maintenance mode left on": (Alarm.MAINTENANCE, "cluster.maintenance"),
    "a ring down": (Alarm.LINK_DOWN, "node.link0"),
    "the other ring down": (Alarm.LINK_DOWN, "node.link1"),
    "quorum device lost": (Alarm.QDEVICE_LOST, "node.qdevice"),
    "fail count above zero": (Alarm.RESOURCE_FAILED, "cluster.failed"),
    "resource stopped": (Alarm.RESOURCE_STOPPED, "cluster.stopped"),
    "resource blocked": (Alarm.RESOURCE_BLOCKED, "cluster.blocked"),
    "number of promoted not 1": (Alarm.PROMOTED_NOT_ONE, "<>1"),
    "service unreachable": (Alarm.SERVICE_UNREACHABLE, "web.test.fail"),
    "DRBD not connected": (Alarm.REPLICATION_DISCONNECTED, '<>"Connected"'),
    "DRBD stands alone": (Alarm.REPLICATION_STANDALONE, '"StandAlone"'),
    "DRBD not up to date": (Alarm.DISK_NOT_UPTODATE, '<>"UpToDate"'),
    "DRBD out of sync": (Alarm.OUT_OF_SYNC, ">0"),
    "leftover ban": (Alarm.BAN_LEFT, "cluster.bans"),
    "service cable": (Alarm.SERVICE_CABLE_LOST, "cluster.uncabled"),
    "SBD disk unreadable": (Alarm.SBD_DISK_UNREADABLE, "node.sbd_disk"),
    "watchdog missing": (Alarm.WATCHDOG_MISSING, "node.watchdog"),
    "clock offset": (Alarm.CLOCK_OFFSET, "fuzzytime"),
    "machine not reporting": (Alarm.SILENT, "nodata"),
}


@pytest.mark.parametrize(("alarm", "about"), ALERT_ON.values(), ids=ALERT_ON.keys())
def test_everything_that_can_go_wrong_raises_a_problem(alarm: Alarm, about: str) -> None:
    assert about in expressions()[alarm]


def test_every_trigger_has_an_alarm_that_readers_know() -> None:
    assert set(expressions()) == set(Alarm) - {Alarm.OTHER}


def test_problems_clear_by_themselves() -> None:
    for trigger in triggers():
        assert trigger.get("recovery_mode", "EXPRESSION") == "EXPRESSION", trigger["name"]
        assert trigger.get("manual_close", "NO") == "NO", trigger["name"]


def test_the_templates_are_those_that_hosts_are_linked_to() -> None:
    assert {entry["template"] for entry in EXPORT["templates"]} == {MACHINE, NODE, CLUSTER}


def test_the_agent_reads_what_the_collector_writes() -> None:
    (node,) = [entry for entry in EXPORT["templates"] if entry["template"] == NODE]
    masters = {item["master_item"]["key"] for item in node["items"] if "master_item" in item}
    assert masters == {f"vfs.file.contents[{STATUS_FILE}]"}

"""What Zabbix watches in a lab: what that is made of, and nothing that can fail goes unwatched."""

from __future__ import annotations

import json
import re

import pytest

from parts.all import Parts
from parts.monitoring.names import STATUS_FILE
from provisioning.zabbix import configuration, template
from provisioning.zabbix.template import CLUSTER, MACHINE, NODE, compose, named, triggers
from status.problems import Alarm
from tests.unit.composed_labs import LABS
from tests.unit.provisioned_lab import SECRETS
from tests.unit.sketched import BOOKS, DISK, SHOP, STORY, TRIO, name_of
from tests.unit.watching import alarms, expressions

each_lab = pytest.mark.parametrize("parts", [*map(Parts, LABS.values())], ids=LABS)

ALWAYS = {
    "quorum lost": (Alarm.QUORUM_LOST, "node.quorate"),
    "node offline or unclean": (Alarm.NODE_LOST, "lost|offline|unclean"),
    "fencing happened": (Alarm.FENCED, "cluster.fenced"),
    "fencing failed": (Alarm.FENCING_FAILED, "cluster.fencing_failed"),
    "stonith disabled": (Alarm.FENCING_DISABLED, "cluster.fencing"),
    "maintenance mode left on": (Alarm.MAINTENANCE, "cluster.maintenance"),
    "a ring down": (Alarm.LINK_DOWN, "node.link0"),
    "the other ring down": (Alarm.LINK_DOWN, "node.link1"),
    "fail count above zero": (Alarm.RESOURCE_FAILED, "cluster.failed"),
    "resource stopped": (Alarm.RESOURCE_STOPPED, "cluster.stopped"),
    "resource blocked": (Alarm.RESOURCE_BLOCKED, "cluster.blocked"),
    "leftover ban": (Alarm.BAN_LEFT, "cluster.bans"),
    "service cable": (Alarm.SERVICE_CABLE_LOST, "cluster.uncabled"),
    "clock offset": (Alarm.CLOCK_OFFSET, "fuzzytime"),
    "machine not reporting": (Alarm.SILENT, "nodata"),
}

FENCED_BY_DISK = {
    "SBD disk unreadable": (Alarm.SBD_DISK_UNREADABLE, "node.sbd_disk"),
    "watchdog missing": (Alarm.WATCHDOG_MISSING, "node.watchdog"),
}

REPLICATED = {
    "number of promoted not 1": (Alarm.PROMOTED_NOT_ONE, "<>1"),
    "DRBD not connected": (Alarm.REPLICATION_DISCONNECTED, '<>"Connected"'),
    "DRBD stands alone": (Alarm.REPLICATION_STANDALONE, '"StandAlone"'),
    "DRBD not up to date": (Alarm.DISK_NOT_UPTODATE, '<>"UpToDate"'),
    "DRBD out of sync": (Alarm.OUT_OF_SYNC, ">0"),
}

OF_PARTS = {alarm for alarm, _ in REPLICATED.values()} | {Alarm.QDEVICE_LOST}


@each_lab
def test_everything_that_can_go_wrong_raises_a_problem(parts: Parts) -> None:
    found = expressions(parts)
    wanted = {**ALWAYS, **(FENCED_BY_DISK if parts.inventory.fencing_disk else {})}
    for what, (alarm, about) in wanted.items():
        assert about in found[alarm], what
    for storage in parts.replicas.values():
        name = storage.storage.name
        which = f"[{name}]" if storage.storage.number else ""
        for what, (alarm, about) in REPLICATED.items():
            lines = [line for line in found[alarm].splitlines() if about in line]
            assert [line for line in lines if f"{which})" in line], (what, name)
    for name in parts.shared_disks:
        assert f"shared_disk.attached[{name}]" in found[Alarm.SHARED_DISK_LOST]
    if parts.inventory.quorum == "device":
        assert "node.qdevice" in found[Alarm.QDEVICE_LOST]
    for service in (each for each in parts.inventory.services if each.everywhere):
        too_few = f"cluster.servers[{service.name}])<{len(parts.inventory.nodes)}"
        assert too_few in found[Alarm.SERVERS_MISSING]


@each_lab
def test_who_was_fenced_a_while_ago_is_no_news_while_others_join_him(parts: Parts) -> None:
    # Alerts call a node a member before the coordinator calls it online, or pending.
    found = expressions(parts)[Alarm.FENCED]
    pattern = re.search(r"cluster\.member,,\"regexp\",\"([^\"]*)\"\)=1", found)
    assert pattern is not None
    gone = {state for state in ("lost", "offline", "unclean") if re.search(pattern[1], state)}
    there = {
        state
        for state in ("member", "pending", "standby", "online")
        if re.search(pattern[1], state)
    }
    assert (gone, there) == ({"lost", "offline", "unclean"}, set())


def test_a_lab_is_not_watched_for_what_it_does_not_have() -> None:
    some = {Alarm.SHARED_DISK_LOST, Alarm.SERVERS_MISSING}
    everything = set(Alarm) - {Alarm.OTHER} - some
    assert alarms(STORY) == alarms(BOOKS) == alarms(SHOP) == everything
    assert alarms(TRIO) == everything - OF_PARTS | {Alarm.SERVERS_MISSING}
    assert alarms(DISK) == everything - OF_PARTS | {Alarm.SHARED_DISK_LOST}
    by_disk = {alarm for alarm, _ in FENCED_BY_DISK.values()}
    assert alarms(Parts(LABS["aws-active-passive"])) == everything - by_disk
    assert not {entry for entry in named(compose(TRIO)) if "drbd" in entry.get("key", "")}


def test_each_address_of_a_service_is_asked_by_itself() -> None:
    assert [name for name in names(TRIO) if "does not answer at" in name] == [
        f"Service web of {{HOST.NAME}} does not answer at 10.30.0.{number}"
        for number in (100, 101, 102)
    ]
    asked = expressions(SHOP)[Alarm.SERVICE_UNREACHABLE].split("\n")
    assert asked == [
        "max(/halab cluster/net.tcp.service[tcp,10.30.0.101,5432],#2)=0",
        "min(/halab cluster/web.test.fail[Service at 10.30.0.100],#2)>0",
    ]
    urls = [
        step["url"]
        for entry in compose(TRIO)["templates"]
        for test in entry.get("httptests", ())
        for step in test["steps"]
    ]
    assert urls == [f"http://10.30.0.{number}/ping" for number in (100, 101, 102)]


def names(parts: Parts) -> list[str]:
    return [trigger["name"] for trigger in triggers(parts)]


@pytest.mark.parametrize(
    ("parts", "formula"),
    [
        (STORY, "last(//web.test.fail[Service])=0"),
        (BOOKS, "last(//net.tcp.service[tcp,10.30.0.100,5432])=1"),
        (
            SHOP,
            "last(//web.test.fail[Service at 10.30.0.100])=0 "
            "and last(//net.tcp.service[tcp,10.30.0.101,5432])=1",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else name_of(value),
)
def test_services_answer_when_all_of_them_do(parts: Parts, formula: str) -> None:
    (item,) = [entry for entry in named(compose(parts)) if entry.get("key") == "service.answers"]
    assert item["params"] == formula


@each_lab
def test_every_trigger_has_an_alarm_that_readers_know(parts: Parts) -> None:
    assert alarms(parts) <= set(Alarm) - {Alarm.OTHER}


@each_lab
def test_problems_clear_by_themselves(parts: Parts) -> None:
    for trigger in triggers(parts):
        assert trigger.get("recovery_mode", "EXPRESSION") == "EXPRESSION", trigger["name"]
        assert trigger.get("manual_close", "NO") == "NO", trigger["name"]


@each_lab
def test_the_agent_reads_what_the_collector_writes(parts: Parts) -> None:
    (node,) = [entry for entry in compose(parts)["templates"] if entry["template"] == NODE]
    masters = {item["master_item"]["key"] for item in node["items"] if "master_item" in item}
    assert masters == {f"vfs.file.contents[{STATUS_FILE}]"}


@each_lab
def test_hosts_are_linked_to_templates_that_are_there(parts: Parts) -> None:
    linked = {
        name for host in configuration.hosts(parts.inventory, SECRETS) for name in host.templates
    }
    assert linked == {entry["template"] for entry in compose(parts)["templates"]}
    assert linked == {MACHINE, NODE, CLUSTER}


class TestAsZabbixImportsIt:
    """What its importer refuses, or finds different every time."""

    @each_lab
    def test_everything_has_a_uuid_of_its_own_of_version_4(self, parts: Parts) -> None:
        uuids = [entry["uuid"] for entry in named(compose(parts))]
        assert len(uuids) == len(set(uuids)) > 60
        for uuid in uuids:
            assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", uuid)

    @each_lab
    def test_the_same_lab_always_has_the_same_uuids(self, parts: Parts) -> None:
        assert template.source(parts) == template.source(Parts(parts.inventory))

    @each_lab
    def test_keys_and_names_are_unique_in_a_template(self, parts: Parts) -> None:
        for entry in compose(parts)["templates"]:
            for kind, word in (("items", "key"), ("httptests", "name"), ("valuemaps", "name")):
                found = [each[word] for each in entry.get(kind, ())]
                assert len(found) == len(set(found))
        found = names(parts)
        assert len(found) == len(set(found))

    @each_lab
    def test_all_that_is_named_is_there(self, parts: Parts) -> None:
        there: dict[str, set[str]] = {}
        for entry in compose(parts)["templates"]:
            keys = {item["key"] for item in entry["items"]}
            tests = {f"web.test.fail[{test['name']}]" for test in entry.get("httptests", ())}
            maps = {each["name"] for each in entry.get("valuemaps", ())}
            there[entry["template"]] = keys | tests
            for item in entry["items"]:
                assert item.get("master_item", {"key": item["key"]})["key"] in keys
                assert item.get("valuemap", {"name": None})["name"] in {None, *maps}
                for key in re.findall(r"\(//(.*?)\)=", item.get("params", "")):
                    assert key in keys | tests
        for trigger in triggers(parts):
            named = re.findall(r"\(/([^/]+)/(.*?)(?=\)|,#|,\{|,,)", trigger["expression"])
            assert named
            for host, key in named:
                assert key in there[host], trigger["name"]

    @each_lab
    def test_macros_that_are_used_are_there_in_the_order_of_zabbixs_exports(
        self, parts: Parts
    ) -> None:
        export = compose(parts)
        for entry in export["templates"]:
            macros = [macro["macro"] for macro in entry["macros"]]
            assert macros == sorted(macros)
            own = [t for t in export["triggers"] if f"/{entry['template']}/" in t["expression"]]
            assert set(re.findall(r"\{\$[^}]*\}", json.dumps([entry, own]))) == set(macros)

    @each_lab
    def test_values_are_of_a_kind_that_their_host_can_have(self, parts: Parts) -> None:
        for entry in compose(parts)["templates"]:
            for item in entry["items"]:
                kind = item.get("type", "ZABBIX")
                # Nobody but the server itself asks for a cluster: it has no agent.
                if entry["template"] == CLUSTER:
                    assert kind in {"TRAP", "DEPENDENT", "CALCULATED", "SIMPLE"}, item["key"]
                assert ("master_item" in item) == (kind == "DEPENDENT"), item["key"]
                if item.get("value_type") in ("CHAR", "TEXT"):
                    assert item["trends"] == "0", item["key"]

    def test_storage_of_its_own_is_set_apart(self) -> None:
        keys = {entry["key"]: entry for entry in named(compose(SHOP)) if "key" in entry}
        first, other = keys["drbd.disk"], keys["drbd.disk[ledger]"]
        assert first["preprocessing"][0]["parameters"] == ["$.drbd.disk"]
        assert other["preprocessing"][0]["parameters"] == ["$['ledger-drbd'].disk"]
        assert first["uuid"] != other["uuid"]
        assert {
            "The replicated disk of {HOST.NAME} is not up to date",
            "The replicated disk of storage ledger of {HOST.NAME} is not up to date",
        } <= set(names(SHOP))

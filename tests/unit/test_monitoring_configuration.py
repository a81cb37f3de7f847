"""Zabbix's configuration: what is planned for a lab, and that a second run changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from core.errors import HalabError
from parts.all import Parts
from parts.host import NOTES, File
from parts.monitoring import agent, server
from parts.monitoring.names import ACCOUNTS_NOTE, DATABASE_NOTE, PSK_FILE
from parts.secrets import generate
from provisioning.zabbix import dashboard, template
from provisioning.zabbix.api import Api
from provisioning.zabbix.configuration import ensure_configured, hosts
from tests.unit.delivered import content, files
from tests.unit.provisioned_lab import (
    SECRETS,
    differing,
    every_step,
    fresh,
    inventory,
    plan_of,
    right,
    words,
)
from tests.unit.sketched import BOOKS, LABS, SHOP, STORY, TRIO, name_of

LAB = inventory()
PARTS = Parts(LAB)
MONITOR = LAB.monitor
NOTHING: frozenset[str] = frozenset()


class FakeZabbix(Api):
    """Remembers what was created, and returns it as the API does."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.hosts: dict[str, dict[str, Any]] = {"Zabbix server": {"host": "Zabbix server"}}
        self.dashboard: dict[str, Any] | None = None
        self.imported: Any = None
        self.guest_groups = [{"users_status": "0"}]

    def call(self, method: str, **parameters: Any) -> Any:
        return self.call_with(method, parameters)

    def call_with(self, method: str, parameters: Any) -> Any:
        self.calls.append(method)
        return getattr(self, method.replace(".", "_"))(parameters)

    def configuration_importcompare(self, parameters: Any) -> Any:
        return [] if self.imported == parameters else {"templates": {"added": []}}

    def configuration_import(self, parameters: Any) -> None:
        self.imported = parameters

    def trigger_get(self, _: Any) -> str:
        """Tell how many triggers were imported: none where the import holds what is no expression.

        That is what Zabbix 7.0.22 was seen to do, with a macro after the hash mark.
        """
        document = json.loads(self.imported["source"])
        found = [entry["expression"] for entry in template.named(document) if "expression" in entry]
        return "0" if any("#{$" in expression for expression in found) else str(len(found))

    def host_get(self, parameters: Any) -> Any:
        names = parameters.get("filter", {}).get("host", list(self.hosts))
        return [
            {"hostid": name, "hostgroups": [{"groupid": "1"}], **self.hosts[name]} for name in names
        ]

    def host_delete(self, ids: list[str]) -> None:
        for name in ids:
            del self.hosts[name]

    def host_create(self, bodies: Any) -> None:
        for body in bodies:
            self.hosts[body["host"]] = {
                **{key: body[key] for key in ("host", "name", "description", "macros")},
                **{key: str(body[key]) for key in ("status", "tls_connect", "tls_accept")},
                "interfaces": [
                    {"ip": entry["ip"], "interfaceid": f"{body['host']}-{number}"}
                    for number, entry in enumerate(body["interfaces"])
                ],
                "parentTemplates": [{"host": entry["templateid"]} for entry in body["templates"]],
            }

    def host_update(self, bodies: Any) -> None:
        for body in bodies:
            linked = [entry["interfaceid"] for entry in self.hosts[body["host"]]["interfaces"]]
            # An interface without its id counts as another, and items hold on to the old one.
            assert [entry.get("interfaceid") for entry in body["interfaces"]] == linked
        self.host_create(bodies)

    def hostgroup_get(self, _: Any) -> Any:
        return [{"groupid": "1"}]

    def template_get(self, parameters: Any) -> Any:
        return [{"host": name, "templateid": name} for name in parameters["filter"]["host"]]

    def user_get(self, _: Any) -> Any:
        return [{"userid": "2", "usrgrps": self.guest_groups}]

    def usergroup_get(self, _: Any) -> Any:
        return [{"usrgrpid": "9"}]

    def user_update(self, parameters: Any) -> None:
        if "usrgrps" in parameters:
            self.guest_groups = [{"users_status": "1"}]

    def item_get(self, parameters: Any) -> Any:
        return [
            {"key_": key, "itemid": key, "hosts": [{"name": "demo cluster"}]}
            for key in parameters["filter"]["key_"]
        ]

    def dashboard_get(self, _: Any) -> Any:
        return [{"dashboardid": "1", **self.dashboard}] if self.dashboard else []

    def dashboard_create(self, parameters: Any) -> Any:
        self.dashboard = parameters
        return {"dashboardids": ["1"]}

    def dashboard_update(self, parameters: Any) -> None:
        self.dashboard = parameters


@pytest.fixture
def zabbix() -> FakeZabbix:
    zabbix = FakeZabbix()
    assert ensure_configured(zabbix, PARTS, SECRETS)
    zabbix.calls.clear()
    return zabbix


def test_where_nothing_is_watched_yet_templates_are_not_compared() -> None:
    zabbix = FakeZabbix()
    ensure_configured(zabbix, PARTS, SECRETS)
    assert "configuration.import" in zabbix.calls
    assert "configuration.importcompare" not in zabbix.calls


def test_a_second_run_changes_nothing_and_only_reads(zabbix: FakeZabbix) -> None:
    assert ensure_configured(zabbix, PARTS, SECRETS) == ()
    assert all(call.endswith((".get", ".importcompare")) for call in zabbix.calls)
    assert len(zabbix.calls) <= 6, "each costs an emulated monitor a second"


def test_machines_and_the_cluster_are_watched_and_nothing_else(zabbix: FakeZabbix) -> None:
    assert set(zabbix.hosts) == {"node1", "node2", "monitor", "demo.cluster"}
    assert zabbix.guest_groups == [{"users_status": "1"}]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "1"},
        {"tls_connect": "1"},
        {"tls_accept": "1"},
        {"description": "by hand"},
        {"macros": []},
        {"parentTemplates": []},
        {"interfaces": [{"ip": "192.0.2.1", "interfaceid": "node2-0"}]},
    ],
)
def test_what_somebody_changed_at_a_host_is_put_right(
    zabbix: FakeZabbix, change: dict[str, Any]
) -> None:
    zabbix.hosts["node2"].update(change)
    assert ensure_configured(zabbix, PARTS, SECRETS) == ("monitored: node2",)
    assert ensure_configured(zabbix, PARTS, SECRETS) == ()


def test_a_dashboard_that_was_changed_is_put_right(zabbix: FakeZabbix) -> None:
    assert zabbix.dashboard
    zabbix.dashboard["pages"][0]["widgets"].pop()
    assert ensure_configured(zabbix, PARTS, SECRETS) == ("monitoring dashboard changed",)


def test_another_key_is_noticed_although_zabbix_never_tells_it(zabbix: FakeZabbix) -> None:
    assert ensure_configured(zabbix, PARTS, generate()) == (
        "monitored: node1, node2, monitor, demo.cluster",
    )


def board(parts: Parts) -> dict[str, Any]:
    """Return the widgets of a lab's dashboard by their titles."""
    nodes = [node.name for node in parts.inventory.nodes]
    ids = dict.fromkeys(dashboard.ITEMS, "1")
    (page,) = dashboard.layout(parts, "demo cluster", "1", nodes, ids)["pages"]
    return {widget["name"]: widget for widget in page["widgets"]}


def columns(parts: Parts) -> dict[str, str]:
    """Return the columns of its table of nodes: headings, and the names of items."""
    fields = {field["name"]: field["value"] for field in board(parts)["Nodes"]["fields"]}
    return {
        fields[name.replace(".item", ".name")]: item
        for name, item in fields.items()
        if name.endswith(".item")
    }


MANY = inventory(
    nodes={"names": [f"node{number}" for number in range(1, 8)]},
    services={"web": {"kind": "nginx", "runs": "everywhere"}},
)


@pytest.mark.parametrize("parts", [*LABS, Parts(MANY)], ids=name_of)
def test_everything_on_the_dashboard_fits_on_its_grid(parts: Parts) -> None:
    widgets = board(parts).values()
    cells = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells)), "widgets overlap"
    assert max(x for x, _ in cells) < 72
    rows = range(1 + max(y for _, y in cells))
    assert {(x, y) for x in range(72) for y in rows} == set(cells), "there is a hole"


@pytest.mark.parametrize("parts", LABS, ids=name_of)
def test_the_dashboard_shows_what_is_watched(parts: Parts) -> None:
    items = {
        entry["template"]: {item["name"]: item["key"] for item in entry["items"]}
        for entry in template.compose(parts)["templates"]
    }
    assert set(columns(parts).values()) <= items[template.NODE].keys()
    assert set(dashboard.ITEMS) <= set(items[template.CLUSTER].values())
    assert board(parts).keys() & {"Active node", "Served at"} <= items[template.CLUSTER].keys()


def test_the_dashboard_shows_what_the_lab_has() -> None:
    common = ["State", "Quorate", "Link 0", "Link 1"]
    assert list(columns(TRIO)) == [*common, "Addresses"]
    assert list(columns(STORY)) == [
        *("State", "Replication", "Role", "Disk", "Quorate", "Quorum device"),
        *("Link 0", "Link 1", "Address"),
    ]
    assert columns(SHOP)["Disk (ledger)"] == "Replicated disk of storage ledger"
    assert "Active node" in board(BOOKS)
    assert "Served at" in board(TRIO)


@pytest.mark.parametrize("other", [TRIO, SHOP], ids=name_of)
def test_a_lab_that_is_composed_anew_is_watched_as_it_is_now(
    zabbix: FakeZabbix, other: Parts
) -> None:
    assert "monitoring templates imported" in ensure_configured(zabbix, other, SECRETS)
    assert ensure_configured(zabbix, other, SECRETS) == ()
    # What Zabbix has and the import does not goes, from templates and so from hosts.
    rules = zabbix.imported["rules"]
    for kind in ("items", "triggers", "httptests", "valueMaps"):
        assert rules[kind]["deleteMissing"]


def test_templates_that_zabbix_takes_without_their_triggers_are_refused(
    zabbix: FakeZabbix, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = template.source(PARTS)
    unreadable = written.replace(",{$HALAB.PATIENCE}", ",#{$HALAB.PATIENCE}")
    assert unreadable != written
    monkeypatch.setattr(template, "source", lambda _: unreadable)
    with pytest.raises(HalabError, match="Zabbix has 0 of the"):
        ensure_configured(zabbix, PARTS, SECRETS)


def test_a_slow_lab_is_read_less_often() -> None:
    slow = hosts(inventory(platform={"pace": "emulation"}), SECRETS)[0].macros
    assert (slow["{$HALAB.INTERVAL}"], slow["{$HALAB.SILENCE}"]) == ("30s", "90s")
    assert hosts(LAB, SECRETS)[0].macros["{$HALAB.INTERVAL}"] == "10s"


@pytest.mark.parametrize("interval", [5, 10, 30, 60, 300])
def test_one_reading_after_clocks_were_set_does_not_say_that_a_clock_follows_nobody(
    interval: int,
) -> None:
    macros = hosts(inventory(monitoring={"interval_s": interval}), SECRETS)[0].macros
    time, every = (int(macros[f"{{$HALAB.{name}}}"][:-1]) for name in ("PATIENCE", "READ"))
    needed = int(macros["{$HALAB.LEAST}"])
    # Chrony has heard the monitor by the third, and there are so many of them in that time.
    assert 3 <= needed < time // every


def test_a_status_is_old_only_after_all_the_time_that_writing_it_may_take() -> None:
    unit = content(agent.SERVICE, LAB, LAB.nodes[0])
    (most_s,) = map(int, re.findall(r"^TimeoutStartSec=(\d+)$", unit, re.MULTILINE))
    macros = hosts(LAB, SECRETS)[0].macros
    every_s, old_s = (int(macros[f"{{$HALAB.{name}}}"][:-1]) for name in ("INTERVAL", "OLD"))
    assert old_s >= every_s + most_s


def test_default_passwords_are_replaced_once_and_never_shown() -> None:
    found = plan_of(LAB, fresh(LAB))
    delivered = {file.path: file for file in found.delivery(MONITOR)}
    text = delivered[server.PASSWORDS].data.decode()
    assert delivered[server.PASSWORDS].mode == 0o600
    hashed = next(word.strip("',") for word in text.split() if word.startswith("'$2"))
    assert bcrypt.checkpw(SECRETS.zabbix_admin_password.encode(), hashed.encode())
    assert SECRETS.zabbix_admin_password not in text
    steps = found.steps(MONITOR, frozenset(delivered))
    assert "Zabbix's passwords set" in words(steps)
    for step in steps:
        assert SECRETS.zabbix_database_password not in step.command
        assert SECRETS.zabbix_admin_password not in step.command
    assert plan_of(LAB, right(LAB)).delivery(MONITOR) == ()


@pytest.mark.parametrize("refused", [False, True])
def test_that_passwords_were_set_is_noted_where_they_were(tmp_path: Path, refused: bool) -> None:
    program, note = tmp_path / "setpriv", tmp_path / "notes/accounts"
    program.write_text(f"#!/bin/sh\ncat >{tmp_path}/heard\nexit {int(refused)}\n")
    program.chmod(0o700)
    script = server.SET_PASSWORDS.replace(f"{NOTES}/{ACCOUNTS_NOTE}", str(note))
    told = server.statements(SECRETS)
    subprocess.run(
        ["/bin/sh", "-euc", script],
        input=told,
        text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
    )
    assert f"{told.splitlines()[0]}\n{(tmp_path / 'heard').read_text()}" == told
    assert note.exists() is not refused
    if not refused:
        assert note.read_text() == f"{server.accounts_digest(SECRETS)}\n"


def test_an_image_that_brings_the_database_is_not_given_another() -> None:
    created = "Zabbix's database created"
    assert DATABASE_NOTE in right(LAB)[MONITOR.name].notes
    assert created not in words(plan_of(LAB, right(LAB)).steps(MONITOR, NOTHING))
    bare = differing(LAB, MONITOR, notes={})
    assert created in words(bare.steps(MONITOR, NOTHING))


def test_only_what_reads_a_changed_file_starts_again() -> None:
    found = plan_of(LAB, right(LAB))
    assert found.steps(MONITOR, NOTHING) == []
    (step,) = found.steps(MONITOR, frozenset({server.SERVER}))
    assert step.command == "systemctl --no-block restart zabbix-server.service"


def test_nobody_but_those_who_need_it_reads_the_key() -> None:
    for machine in LAB.machines:
        key = files(LAB, machine)[PSK_FILE]
        assert isinstance(key, File) and key.mode == 0o440


def test_a_lab_without_monitoring_has_none_of_it() -> None:
    without = inventory(monitoring=False)
    found = plan_of(without, fresh(without))
    for machine in without.machines:
        paths = [file.path for file in (*files(without, machine).values(),
                                        *found.delivery(machine))]  # fmt: skip
        assert not [path for path in paths if "zabbix" in path or "cluster-status" in path]
        assert not [s for s in every_step(found, machine, NOTHING) if "onitoring" in s.what]


def test_monitoring_that_is_no_more_wanted_is_stopped() -> None:
    without = inventory(monitoring=False)
    # The machines are as a lab with monitoring left them.
    found = plan_of(without, {**right(without), **right(LAB)})
    first, second = found.steps(without.monitor, NOTHING)
    assert "disable --now zabbix-server" in first.command
    assert "disable --now zabbix-agent2" in second.command
    (step,) = found.steps(without.nodes[0], NOTHING)
    assert step.command == (
        "systemctl disable --now zabbix-agent2.service halab-cluster-status.timer"
    )


def test_the_frontend_listens_on_the_management_network_alone() -> None:
    assert "listen 10.10.0.9:80;" in content(server.WEB_SERVER, LAB, MONITOR)
    assert "ListenIP=10.10.0.9,127.0.0.1" in content(server.SERVER, LAB, MONITOR)


def test_the_templates_are_imported_only_when_they_differ(zabbix: FakeZabbix) -> None:
    zabbix.imported = None
    assert ensure_configured(zabbix, PARTS, SECRETS) == ("monitoring templates imported",)
    assert ensure_configured(zabbix, PARTS, SECRETS) == ()

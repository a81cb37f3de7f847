"""Zabbix's configuration: what is planned for a lab, and that a second run changes nothing."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest

from provisioning import monitoring
from provisioning.facts import Unit, UnitState
from provisioning.files import File
from provisioning.secrets import generate
from provisioning.zabbix import agent, configuration, dashboard, server
from provisioning.zabbix.api import Api
from provisioning.zabbix.configuration import ensure_configured, hosts
from provisioning.zabbix.names import ACCOUNTS_NOTE, DATABASE_NOTE, PSK_FILE
from tests.unit.provisioned_lab import facts, inventory

LAB, SECRETS = inventory(), generate()


class FakeZabbix(Api):
    """Remembers what was created, and returns it as the API does."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.hosts: dict[str, dict[str, Any]] = {"Zabbix server": {"host": "Zabbix server"}}
        self.dashboard: dict[str, Any] | None = None
        self.imported = False
        self.guest_groups = [{"users_status": "0"}]

    def call(self, method: str, **parameters: Any) -> Any:
        return self.call_with(method, parameters)

    def call_with(self, method: str, parameters: Any) -> Any:
        self.calls.append(method)
        return getattr(self, method.replace(".", "_"))(parameters)

    def configuration_importcompare(self, _: Any) -> Any:
        return [] if self.imported else {"templates": {"added": []}}

    def configuration_import(self, _: Any) -> None:
        self.imported = True

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
    assert ensure_configured(zabbix, LAB, SECRETS)
    zabbix.calls.clear()
    return zabbix


def test_a_second_run_changes_nothing_and_only_reads(zabbix: FakeZabbix) -> None:
    assert ensure_configured(zabbix, LAB, SECRETS) == ()
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
    assert ensure_configured(zabbix, LAB, SECRETS) == ("monitored: node2",)
    assert ensure_configured(zabbix, LAB, SECRETS) == ()


def test_a_dashboard_that_was_changed_is_put_right(zabbix: FakeZabbix) -> None:
    assert zabbix.dashboard
    zabbix.dashboard["pages"][0]["widgets"].pop()
    assert ensure_configured(zabbix, LAB, SECRETS) == ("monitoring dashboard changed",)


def test_another_key_is_noticed_although_zabbix_never_tells_it(zabbix: FakeZabbix) -> None:
    assert ensure_configured(zabbix, LAB, generate()) == (
        "monitored: node1, node2, monitor, demo.cluster",
    )


def test_everything_on_the_dashboard_fits_on_its_grid() -> None:
    items = dict.fromkeys(
        ["cluster.active", "service.answers", "cluster.votes", "cluster.event"], "1"
    )
    page = dashboard.layout("demo cluster", "1", ["1", "2"], items)["pages"][0]
    cells = [
        (x, y)
        for widget in page["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells)), "widgets overlap"
    assert max(x for x, _ in cells) < 72


def test_a_slow_lab_is_read_less_often() -> None:
    slow = hosts(inventory(pace=4), SECRETS)[0].macros
    assert (slow["{$HALAB.INTERVAL}"], slow["{$HALAB.SILENCE}"]) == ("30s", "90s")
    assert hosts(LAB, SECRETS)[0].macros["{$HALAB.INTERVAL}"] == "10s"


def test_default_passwords_are_replaced_once_and_never_shown() -> None:
    (file,) = server.delivery(facts(runs=False), SECRETS)
    text = file.data.decode()
    hashed = next(word.strip("',") for word in text.split() if word.startswith("'$2"))
    assert bcrypt.checkpw(SECRETS.zabbix_admin_password.encode(), hashed.encode())
    assert SECRETS.zabbix_admin_password not in text
    (step,) = server.set_passwords(SECRETS, frozenset({file.path}))
    assert SECRETS.zabbix_database_password not in step.command
    note = {ACCOUNTS_NOTE: server.accounts_digest(SECRETS)}
    assert server.delivery(facts(runs=True, notes=note), SECRETS) == ()


def test_an_image_that_brings_the_database_is_not_given_another() -> None:
    assert server.create_database(facts(runs=True, notes={DATABASE_NOTE: "PostgreSQL 17"})) == ()
    assert server.create_database(facts(runs=True))


def test_only_what_reads_a_changed_file_starts_again() -> None:
    running = facts(runs=True, units=dict.fromkeys(Unit, UnitState(True, True)))
    assert server.start(running, SECRETS, frozenset()) == ()
    (step,) = server.start(running, SECRETS, frozenset({server.SERVER}))
    assert step.command == "systemctl --no-block restart zabbix-server.service"


def test_nobody_but_those_who_need_it_reads_the_key() -> None:
    for machine in LAB.machines:
        (key,) = [
            file
            for file in agent.files(LAB, machine, SECRETS)
            if isinstance(file, File) and file.path == PSK_FILE
        ]
        assert key.mode == 0o440


def test_a_lab_without_monitoring_has_none_of_it() -> None:
    without = LAB.model_copy(update={"monitoring": None})
    for machine in without.machines:
        assert monitoring.files(without, machine, SECRETS) == ()
        assert monitoring.delivery(without, machine, SECRETS, facts(runs=False)) == ()
    stopped = facts(runs=False, units=dict.fromkeys(Unit, UnitState(False, False)))
    assert monitoring.start_monitor(without, stopped, SECRETS, frozenset()) == ()
    running = facts(runs=True, units=dict.fromkeys(Unit, UnitState(True, True)))
    (first, second) = monitoring.start_monitor(without, running, SECRETS, frozenset())
    assert "disable --now" in first.command
    assert "zabbix-agent2" in second.command


def test_the_frontend_listens_on_the_management_network_alone() -> None:
    written = {f.path: f for f in server.files(LAB, SECRETS) if isinstance(f, File)}
    assert "listen 10.10.0.3:80;" in written[server.WEB_SERVER].data.decode()
    assert "ListenIP=10.10.0.3,127.0.0.1" in written[server.SERVER].data.decode()


def test_the_template_is_imported_only_when_it_differs(zabbix: FakeZabbix) -> None:
    zabbix.imported = False
    assert ensure_configured(zabbix, LAB, SECRETS) == ("monitoring template imported",)
    assert configuration.template().startswith("zabbix_export:")

"""What labs are given that are not like the first one: three nodes at work, or a database."""

from __future__ import annotations

import re

from labs.roles import NetworkRole
from parts.host import Folder
from parts.membership import corosync
from parts.monitoring.agent import COLLECTOR
from parts.services.nginx import PAGES
from tests.unit.delivered import content, desired, files, resources
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import inventory

EVERYWHERE = planned("active-active", accelerated=True)
DATABASE = planned("database", accelerated=True)
WEB_SERVER = "/etc/nginx/halab.conf"


def test_nodes_that_have_a_majority_ask_nobody_outside() -> None:
    text = corosync.configuration(EVERYWHERE, 1)
    assert text.count("nodeid:") == 3
    assert "device" not in text
    assert corosync.DROP_IN not in files(EVERYWHERE)
    assert not [path for node in EVERYWHERE.machines for path in files(EVERYWHERE, node)
                if "qdevice" in path or "qnetd" in path]  # fmt: skip


def test_without_replication_nothing_of_it_is_there() -> None:
    paths = [path for path in files(EVERYWHERE) if not path.startswith(COLLECTOR)]
    assert not [path for path in paths if "drbd" in path or "fence-peer" in path]
    assert not [file for file in files(EVERYWHERE).values() if isinstance(file, Folder)]
    assert "drbd" not in desired(EVERYWHERE)


def test_a_web_server_that_runs_everywhere_has_a_page_of_each_node_and_no_ledger() -> None:
    root = f"root {PAGES};"
    for node in EVERYWHERE.nodes:
        text = content(WEB_SERVER, EVERYWHERE, node)
        assert root in text and "/ledger/" not in text
        assert f"comes from {node.name}." in content(f"{PAGES}/index.html", EVERYWHERE, node)


def test_the_database_finds_its_data_on_the_replicated_disk() -> None:
    root = resources(DATABASE)
    pairs = root.findall(".//primitive[@type='pgsql']/instance_attributes/nvpair")
    told = {pair.get("name"): str(pair.get("value")) for pair in pairs}
    text = content(told["config"], DATABASE)
    assert f"data_directory = '{told['pgdata']}'" in text
    assert f"unix_socket_directories = '{told['socketdir']}'" in text
    assert f"port = {told['pgport']}" in text
    filesystem = root.find(".//primitive[@type='Filesystem']//nvpair[@name='directory']")
    assert filesystem is not None and told["pgdata"].startswith(f"{filesystem.get('value')}/")


def test_a_database_syncs_what_it_promises_and_a_web_server_is_made_to() -> None:
    path = ".//primitive[@type='Filesystem']//nvpair[@name='options']"
    options = [resources(lab).find(path) for lab in (DATABASE, inventory())]
    assert [pair.get("value") for pair in options if pair is not None] == [
        "noatime",
        "noatime,sync",
    ]
    # What PostgreSQL does by itself nobody takes from it.
    text = content("/etc/postgresql-common/halab.conf", DATABASE)
    assert not re.search(r"^(fsync|synchronous_commit|full_page_writes)", text, re.MULTILINE)


def test_nobody_but_the_monitor_comes_into_the_database_without_a_password() -> None:
    lines = content("/etc/postgresql-common/halab.hba.conf", DATABASE).splitlines()
    trusted = [line.split() for line in lines if line.endswith(" trust")]
    monitor = DATABASE.monitor.interfaces[NetworkRole.SERVICE].address.ip
    assert [words[3] for words in trusted] == [f"{monitor}/32"]

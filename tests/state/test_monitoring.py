"""Monitoring: everybody reports, encrypted, to a Zabbix that only its administrator can enter."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.folders import LabFolder
from core.saying import Say
from core.wait import wait_until
from inventory.model import Inventory
from labs.ports import ZABBIX_AGENT, ZABBIX_FRONTEND, ZABBIX_SERVER
from labs.roles import NetworkRole
from machines.remote import Remote
from parts.monitoring.names import cluster_host
from parts.secrets import Secrets, ensure_secrets
from provisioning.zabbix.api import Api, MonitoringRefused, session
from status.problems import ProblemReader
from tests.quiet import wait_for_quiet
from tests.state.conftest import Inspected

pytestmark = pytest.mark.needs("monitoring")

SECONDS = {"min": 60.0, "s": 1.0, "ms": 0.001}
"""What systemd writes of the time that a unit has used."""

COLLECTING = 0.2
"""The share of a processor that may be used to tell how a node is: on a quiet host it was 0.04 in
emulation."""


@pytest.fixture(scope="module")
def secrets(folder: LabFolder) -> Secrets:
    return ensure_secrets(folder.secrets)


@pytest.fixture(scope="module")
def api(inventory: Inventory, secrets: Secrets) -> Iterator[Api]:
    with Remote(inventory.monitor) as remote, session(remote, inventory, secrets) as opened:
        yield opened


def patience(inventory: Inventory) -> float:
    return 6.0 * inventory.observe_every_s


def test_every_machine_reports(api: Api, inventory: Inventory) -> None:
    machines = {machine.name for machine in inventory.machines}

    def reporting() -> set[str]:
        items = api.call(
            "item.get",
            output=["lastclock"],
            filter={"key_": ["agent.ping"]},
            monitored=True,
            selectHosts=["host"],
        )
        return {item["hosts"][0]["host"] for item in items if item["lastclock"] != "0"}

    wait_until(
        reporting,
        lambda found: found == machines,
        what="all machines report",
        timeout=patience(inventory),
        interval=3.0,
    )


def is_elsewhere(inventory: Inventory, host: str, key: str) -> bool:
    """Tell whether a value is one of a replica that the node does not have."""
    found = re.fullmatch(r"drbd\.\w+(?:\[(.+)\])?", key)
    if found is None:
        return False
    (storage,) = (s for s in inventory.storage if (s.name if s.number else None) == found[1])
    return host not in {node.name for node in inventory.carriers(storage)}


def test_every_value_of_nodes_and_cluster_arrives(api: Api, inventory: Inventory) -> None:
    # Only an event or a failure fills these.
    eventual = {"cluster.fenced", "cluster.event", "cluster.failure"}

    def missing() -> set[str]:
        items = api.call(
            "item.get", output=["key_", "lastclock", "error"], monitored=True, selectHosts=["host"]
        )
        return {
            f"{host} {item['key_']} {item['error']}"
            for item in items
            for host in [item["hosts"][0]["host"]]
            if item["lastclock"] == "0" and item["key_"] not in eventual
            if not is_elsewhere(inventory, host, item["key_"])
        }

    wait_until(
        missing,
        lambda found: not found,
        what="all items have values",
        timeout=patience(inventory),
        interval=3.0,
    )


def test_nothing_is_sent_in_the_clear(api: Api, any_machine: Inspected) -> None:
    hosts = api.call("host.get", output=["host", "tls_connect", "tls_accept"])
    assert {(host["tls_connect"], host["tls_accept"]) for host in hosts} == {("2", "2")}
    configuration = any_machine.output("cat /etc/zabbix/zabbix_agent2.conf")
    assert "TLSConnect=psk" in configuration
    assert "TLSAccept=psk" in configuration


def test_a_sender_without_the_key_is_refused(
    api: Api, inventory: Inventory, monitor: Inspected
) -> None:
    address = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    done = monitor.host.run(
        f"zabbix_sender -z {address} -s {cluster_host(inventory)} -k cluster.active -o nobody"
    )
    assert done.rc != 0
    items = api.call(
        "item.get", output=["lastvalue"], filter={"key_": ["cluster.active"]}, monitored=True
    )
    assert [item["lastvalue"] for item in items if item["lastvalue"] == "nobody"] == []
    assert items


def test_the_default_password_is_refused(api: Api, inventory: Inventory, secrets: Secrets) -> None:
    everybodys = secrets.model_copy(update={"zabbix_admin_password": "zabbix"})
    with (
        Remote(inventory.monitor) as remote,
        pytest.raises(MonitoringRefused),
        session(remote, inventory, everybodys),
    ):
        pytest.fail("logged in")


def test_guests_stay_out(api: Api) -> None:
    (guest,) = api.call(
        "user.get",
        output=["username"],
        filter={"username": "guest"},
        selectUsrgrps=["users_status"],
    )
    assert "1" in {group["users_status"] for group in guest["usrgrps"]}


def test_zabbix_listens_on_the_management_network_alone(
    monitor: Inspected, inventory: Inventory
) -> None:
    address = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    allowed = {str(address), "127.0.0.1", "[::1]"}
    ports = {str(port) for port in (ZABBIX_AGENT, ZABBIX_SERVER, ZABBIX_FRONTEND, 5432)}
    listening = [
        line.split()[3].rpartition(":") for line in monitor.output("ss -Hltn").splitlines()
    ]
    assert {host for host, _, port in listening if port in ports} <= allowed


def test_secrets_are_readable_by_those_who_need_them(any_machine: Inspected) -> None:
    assert any_machine.host.file("/etc/zabbix/halab.psk").mode == 0o440


def test_a_healthy_lab_has_no_open_problem(
    inventory: Inventory, secrets: Secrets, api: Api, tell: Say
) -> None:
    with ProblemReader(inventory, secrets) as reader:
        wait_for_quiet(reader, inventory)


def test_collecting_costs_a_node_little(node: Inspected, inventory: Inventory, tell: Say) -> None:
    told = node.output(
        "systemctl start halab-cluster-status && "
        "journalctl -q -o cat -u halab-cluster-status -n 20 | grep -o 'Consumed [^,]*' | tail -1"
    )
    every_s = inventory.observe_every_s
    tell(f"{node.machine.name}: one reading {told.strip()}, every {every_s} s")
    spans = re.findall(r"([\d.]+)(min|ms|s)\b", told)
    used_s = sum(float(number) * SECONDS[unit] for number, unit in spans)
    assert 0 < used_s <= every_s * COLLECTING

"""What the table of open ports says becomes the rules of every machine, and nothing else does."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from core.folders import PROJECT
from inventory.model import Inventory
from labs.ports import GALERA_PORTS, Opening, Peer
from labs.tables.networks import Allow
from parts.facts import Facts
from parts.system import firewall
from tests.unit.planned_lab import OFFERED, planned
from tests.unit.provisioned_lab import fresh, inventory, plan_of, right
from tests.unit.walled_lab import lab, node_rules

ONE_OF_A_KIND = (Peer.PLATFORM, Peer.MONITOR)


def test_every_row_of_the_table_becomes_a_rule_with_its_peers() -> None:
    text = node_rules(lab())
    assert (
        'ip saddr { 10.10.0.254, 10.10.0.2, 10.10.0.9 } tcp dport 22 accept comment "ssh"' in text
    )
    assert "ip saddr 10.20.1.2 udp dport 5405 accept" in text
    assert "ip saddr 10.20.2.2 udp dport 5406 accept" in text
    assert "ip saddr 10.20.9.2 tcp dport 7788 accept" in text
    assert "ip saddr 10.10.0.9 tcp dport 10050 accept" in text
    monitor = firewall.rules(lab(), lab().monitor)
    assert "ip saddr { 10.10.0.1, 10.10.0.2 } tcp dport 5403 accept" in monitor
    assert "ip saddr 10.10.0.254 tcp dport 80 accept" in monitor


def test_an_unknown_platform_may_come_from_everywhere_on_management() -> None:
    text = node_rules(lab(platform=None))
    assert '\n        tcp dport 22 accept comment "ssh"' in text


def test_what_a_definition_adds_is_open_there_alone() -> None:
    found = lab(allow=(Allow(role="node", network="service", protocol="tcp", port=443),))
    service = node_rules(found).partition("chain service {")[2].partition("}")[0]
    assert "\n        tcp dport 443 accept" in service
    assert node_rules(found).count("443") == 1
    assert "443" not in firewall.rules(found, found.monitor)


def test_the_floating_address_stands_on_the_service_network_alone() -> None:
    lines = [line.strip() for line in node_rules(lab()).splitlines() if "10.30.0.100" in line]
    assert lines == ['iifname "svc" ip daddr 10.30.0.100 jump service']
    assert "10.30.0.100" not in firewall.rules(lab(), lab().monitor)


def test_nothing_but_its_own_table_is_touched() -> None:
    text = node_rules(lab())
    assert "flush" not in text
    assert {line for line in text.splitlines() if line.startswith(("table", "delete"))} == {
        "table inet halab",
        "delete table inet halab",
        "table inet halab {",
    }


def documented_row(opening: Opening) -> str:
    port = "echo request" if opening.port is None else str(opening.port)
    peers = ", ".join(
        "anybody" if peer is Peer.ANYBODY else f"the {peer}" if peer in ONE_OF_A_KIND else "nodes"
        for peer in opening.peers
    )
    cells = (opening.role, opening.network, f"{opening.protocol} {port}", peers, opening.purpose)
    return f"| {' | '.join(cells)} |"


def test_the_manual_lists_what_is_open_and_nothing_else() -> None:
    manual = (PROJECT / "docs" / "networks.md").read_text()
    service = "| node | service | tcp 80 | anybody | service web |"
    anyone = "| node | service | tcp the service's `port` | anybody | service NAME |"
    between = (
        each
        for name in ("galera", "cluster-filesystem")
        for each in planned(name, accelerated=True).openings
        if each.purpose in (*GALERA_PORTS.values(), "DLM")
    )
    openings = (*inventory().openings, *between)
    rows = [documented_row(opening).replace(service, anyone) for opening in openings]
    assert anyone in rows
    written = [line for line in manual.splitlines() if line.startswith(("| node |", "| monitor |"))]
    assert sorted(written) == sorted(rows)


@pytest.mark.parametrize("name", OFFERED)
def test_no_port_is_listed_twice_for_the_same_network(name: str) -> None:
    openings = planned(name, accelerated=True).openings
    rows = [(o.role, o.network, o.protocol, o.port) for o in openings]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    ("name", "purposes"),
    [
        ("active-passive", {"DRBD", "quorum device", "service web"}),
        ("active-active", {"service web"}),
        ("load-balancer", {"service front", "service web"}),
        ("galera", {*GALERA_PORTS.values(), "service database"}),
        ("database", {"DRBD", "quorum device", "service database"}),
    ],
)
def test_a_lab_opens_what_its_own_parts_need(name: str, purposes: set[str]) -> None:
    of_every_lab = {"ssh", "ping", "time", "Corosync, link 0", "Corosync, link 1"}
    found = {opening.purpose for opening in planned(name, accelerated=True).openings}
    assert {each for each in found - of_every_lab if "Zabbix" not in each} == purposes


def test_every_floating_address_may_come_to_every_node() -> None:
    three = planned("active-active", accelerated=True)
    for node in three.nodes:
        for address in three.services[0].addresses:
            rule = f'iifname "svc" ip daddr {address.ip} jump service'
            assert rule in firewall.rules(three, node)


def sums(in_force: str, at_boot: str) -> dict[str, str]:
    return {"-": in_force, firewall.RULES: hashlib.sha256(at_boot.encode()).hexdigest()}


def delivered(found: Inventory, facts: Facts) -> list[str]:
    """Return the rules that the first node is to try, when it was found like this."""
    node = found.nodes[0]
    files = plan_of(found, {**right(found), node.name: facts}).delivery(node)
    return [file.data.decode() for file in files if file.path == firewall.TRIAL]


def test_rules_are_tried_only_when_something_differs() -> None:
    found = lab()
    good = right(found)["node1"]
    assert delivered(found, good) == []
    for wrong in (
        replace(good, digests={**good.digests, **sums("other", node_rules(found))}),
        replace(good, digests={**good.digests, **sums("abc", "older rules")}),
        replace(good, notes={**good.notes, firewall.NOTE: ""}),
        fresh(found)["node1"],
    ):
        assert delivered(found, wrong) == [node_rules(found)]


def test_without_a_firewall_nothing_is_written_and_an_old_one_goes() -> None:
    off = lab(enabled=False)
    node, found = off.nodes[0], plan_of(off, fresh(off))
    ours = {firewall.UNIT_FILE, firewall.WANTED, firewall.KERNEL_SETTINGS}
    assert not ours & {file.path for file in found.files(node)}
    assert delivered(off, fresh(off)["node1"]) == []
    assert not [step for step in found.steps(node, frozenset()) if "firewall" in step.what]

    (step,) = plan_of(off, right(lab())).steps(node, frozenset())
    assert "nft delete table inet halab" in step.command

"""What the table of open ports says is what passes, in networks of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from labs.ports import Peer, Protocol
from labs.roles import NetworkRole
from tests.unit.namespaces import Namespace, machine_and_world
from tests.unit.walled_lab import PORTS, PREFIXES, STRANGER, lab, node_rules, passed, with_nft


@pytest.fixture(scope="module")
def node_and_world() -> Iterator[tuple[Namespace, Namespace]]:
    """A node with its rules in force, and around it peers, the monitor, the platform, strangers."""
    found = lab()
    node = found.nodes[0]
    world = {
        role: tuple(f"{prefix}.{end}" for end in (2, 9, STRANGER, 254))
        for role, prefix in PREFIXES.items()
    }
    with machine_and_world(node, world) as (here, there):
        here.run(f"ip address add {found.services[0].addresses[0]} dev svc")
        here.run("nft --file -", stdin=node_rules(found))
        yield here, there


@with_nft
@pytest.mark.parametrize("role", list(NetworkRole))
def test_packets_pass_as_the_table_says(
    node_and_world: tuple[Namespace, Namespace], role: NetworkRole
) -> None:
    here, there = node_and_world
    found, node = lab(), lab().nodes[0]
    prefix = PREFIXES[role]
    who = {2: Peer.NODE, 9: Peer.MONITOR, 254: Peer.PLATFORM, STRANGER: Peer.ANYBODY}
    probes: list[dict[str, object]] = [
        {"source": f"{prefix}.{end}", "target": f"{prefix}.1", "tcp": PORTS} for end in who
    ]
    if role is NetworkRole.SERVICE:
        probes.append({"source": f"{prefix}.9", "target": f"{prefix}.100", "tcp": PORTS})
        who[100] = Peer.MONITOR
    expected = [
        {
            opening.port
            for opening in found.openings
            if (opening.role, opening.network) == (node.role, role)
            and opening.protocol is Protocol.TCP
            and (peer in opening.peers or Peer.ANYBODY in opening.peers)
        }
        for peer in who.values()
    ]
    assert passed(here, there, probes) == expected


@with_nft
def test_udp_passes_from_the_other_node_alone(
    node_and_world: tuple[Namespace, Namespace],
) -> None:
    here, there = node_and_world
    here.run(
        "nft --file -",
        stdin="""table inet witness {
            set passed { type ipv4_addr . inet_service; flags dynamic; }
            chain input { type filter hook input priority 10;
                meta l4proto udp add @passed { ip saddr . udp dport }
            }
        }""",
    )
    a, b = PREFIXES[NetworkRole.CLUSTER_A], PREFIXES[NetworkRole.CLUSTER_B]
    passed(
        here,
        there,
        [
            {"source": f"{prefix}.{end}", "target": f"{prefix}.1", "udp": PORTS}
            for prefix in (a, b)
            for end in (2, 9, STRANGER)
        ],
    )
    seen = json.loads(here.run("nft --json list set inet witness passed").stdout)
    (made,) = [item["set"] for item in seen["nftables"] if "set" in item]
    assert {tuple(element["concat"]) for element in made["elem"]} == {
        (f"{a}.2", 5405),
        (f"{b}.2", 5406),
    }


@with_nft
def test_an_address_is_served_on_its_own_network_alone(
    node_and_world: tuple[Namespace, Namespace],
) -> None:
    here, there = node_and_world
    management = PREFIXES[NetworkRole.MANAGEMENT]
    mac = json.loads(here.run("ip -json link show mgmt").stdout)[0]["address"]
    ways: list[dict[str, object]] = []
    for target in ("10.30.0.100", "10.30.0.1"):
        there.run(f"ip neigh replace {target} lladdr {mac} dev mgmt nud permanent")
        ways.append(
            {"source": f"{management}.254", "target": target, "interface": "mgmt", "tcp": PORTS}
        )
    assert passed(here, there, ways) == [set(), set()]

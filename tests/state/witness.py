"""Witnesses in front of and behind a firewall: what arrived, and what it let through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inventory.model import Inventory, Machine
from machines.remote import Remote
from tests.state.vantages import Way

WITNESS = "inet halab_witness"
FORWARDING_WITNESS = "inet halab_forwarding_witness"
"""Tables of the tests' own."""


@contextmanager
def witness(machine: Machine, table: str = WITNESS) -> Iterator[None]:
    """Note what arrives at a machine, and what its firewall has let through."""
    text = f"""table {table} {{
        set arrived {{ type ipv4_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }}
        set passed {{ type ipv4_addr . ipv4_addr . inet_service; size 65535; flags dynamic; }}
        chain arriving {{
            type filter hook prerouting priority -300;
            meta l4proto udp add @arrived {{ ip saddr . ip daddr . udp dport }}
        }}
        chain passing {{
            type filter hook input priority 10;
            ct state new meta l4proto udp add @passed {{ ip saddr . ip daddr . udp dport }}
        }}
    }}"""
    with Remote(machine) as remote:
        remote.run("nft --file -", stdin=f"table {table}\ndelete table {table}\n{text}\n")
        try:
            yield
        finally:
            remote.run(f"nft delete table {table}")


def elements(remote: Remote, table: str, name: str) -> list[tuple[str, str, int]]:
    """Return what a witness noted in one of its sets: source, target and port."""
    told = json.loads(remote.run(f"nft --json list set {table} {name}").stdout)
    [made] = [item["set"] for item in told["nftables"] if "set" in item]
    return [tuple(element["concat"]) for element in made.get("elem", ())]


def heard(inventory: Inventory, ways: Sequence[Way]) -> dict[Way, frozenset[int]]:
    """Return the UDP ports that passed each way, as the witness of its machine noted them."""
    seen = {}
    for machine in inventory.machines:
        with Remote(machine) as remote:
            seen[machine.name] = elements(remote, WITNESS, "passed")
    return {
        way: frozenset(
            port
            for source, target, port in seen[way.machine]
            if (source, target) == (str(way.source), str(way.target))
        )
        for way in ways
    }

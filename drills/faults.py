"""Faults. Each is a context manager that heals what it broke, and only that, in every case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drills.power import Power
from inventory.model import Machine
from labs.roles import NetworkRole
from provisioning.remote import Remote

REPLICATION_PORT = 7788
"""DRBD's TCP port for r0 (provisioning's r0.res)."""


@contextmanager
def powered_off(power: Power, machine: str) -> Iterator[None]:
    """Take a machine's power away; give it back at the end."""
    power.cut(machine)
    try:
        yield
    finally:
        power.start(machine)


@contextmanager
def unplugged(power: Power, machine: str, network: NetworkRole) -> Iterator[None]:
    """Pull one network cable of a machine; plug it in again at the end."""
    power.set_cable(machine, network, plugged=False)
    try:
        yield
    finally:
        power.set_cable(machine, network, plugged=True)


@contextmanager
def standby(by: Machine, node: str) -> Iterator[None]:
    """Send a node into standby by a command on the machine `by`; bring it back at the end."""
    with Remote(by) as remote:
        remote.run(f"crm_standby --node {node} --update on")
    try:
        yield
    finally:
        with Remote(by) as remote:
            remote.run(f"crm_standby --node {node} --delete")


@contextmanager
def replication_cut(node: Machine) -> Iterator[None]:
    """Drop all replication traffic at one node, on both paths; membership goes on.

    A packet filter table of its own does it, and its removal undoes it.
    """
    table = "inet halab_replication_cut"
    chains = "\n".join(
        f"""chain {hook} {{
            type filter hook {hook} priority -300
            tcp sport {REPLICATION_PORT} drop
            tcp dport {REPLICATION_PORT} drop
        }}"""
        for hook in ("input", "output")
    )
    with Remote(node) as remote:
        remote.run("nft --file -", stdin=f"table {table} {{\n{chains}\n}}\n")
    try:
        yield
    finally:
        with Remote(node) as remote:
            remote.run(f"nft delete table {table}")


def kill(machine: Machine, unit: str) -> None:
    """SIGKILL a daemon and keep it dead. Its node is fenced for it, and that heals it.

    Left alone, systemd starts the daemon again within a tenth of a second: corosync rejoins before
    anybody misses it, and whether the node is fenced then is chance. The mask in /run goes with
    the reset.
    """
    with Remote(machine) as remote:
        remote.run(f"systemctl mask --quiet --runtime {unit} && systemctl kill -s KILL {unit}")

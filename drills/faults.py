"""Faults. Each is a context manager that heals what it broke, and only that, in every case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drills.power import Power
from inventory.model import Machine
from labs.roles import NetworkRole
from provisioning.remote import Remote


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


def kill(machine: Machine, program: str) -> None:
    """SIGKILL a daemon by its exact name. Its node is fenced for it, and that heals it."""
    with Remote(machine) as remote:
        remote.run(f"kill -9 $(pidof -s {program})")

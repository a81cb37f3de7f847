"""Machines that are shut down, changed and started, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cli.events import PulumiEvents
from core.folders import LabFolder
from core.saying import Say
from core.wait import wait_until
from infra.engine import Engine
from infra.host_keys import ensure_host_key
from inventory.model import Inventory, Machine
from inventory.record import Record, load_inventory, save
from labs.roles import MachineRole
from machines.remote import Remote
from parts.all import Parts
from status.health import wait_healthy


@dataclass(frozen=True)
class Power:
    """What a platform says of its machines' power: the state of each by name, and which is off.

    `delay_s`: for how long it may say something else of one that is off, in seconds.
    """

    states: Callable[[], Mapping[str, str]]
    off: str
    delay_s: float = 0.0


def restart_in_turn(
    folder: LabFolder,
    record: Record,
    engine: Engine,
    parts: Mapping[str, Collection[str]],
    power: Power,
    report: Say,
) -> None:
    """Take each machine out of a healthy lab, change it and wait until all is healthy again.

    `parts` are the URNs of what changes, by machine. The node that serves comes last, so the
    service moves once. Raises WaitTimeout, with the reasons, when the lab is not healthy to begin
    with or does not become so; whoever calls this again then goes on with the machines that are
    left.
    """
    inventory = load_inventory(folder)
    report("waiting until the lab is healthy: it has to do without one machine at a time")
    found = wait_healthy(inventory, inventory.timing.healthy_wait_s, report, record=record)
    serving = {node for service in found.services for node in service.nodes}
    for name in in_order(inventory, parts, serving):
        machine = inventory.machine(name)
        report(f"{name}: shutting down" + ("; the service moves" if name in serving else ""))
        shut_down(machine, inventory, power)
        engine.up(PulumiEvents(report), only=parts[name])
        inventory = _with_host_key(inventory, machine, folder)
        report(f"{name}: waiting until all is healthy again")
        wait_healthy(inventory, inventory.timing.rejoin_wait_s, report, record=record)


def in_order(inventory: Inventory, names: Collection[str], serving: Collection[str]) -> list[str]:
    """Return the machines with the monitor first and the nodes that serve last."""

    def place(machine: Machine) -> tuple[bool, bool]:
        return machine.role is MachineRole.NODE, machine.name in serving

    return [one.name for one in sorted(inventory.machines, key=place) if one.name in names]


def shut_down(machine: Machine, inventory: Inventory, power: Power) -> None:
    """Have a machine leave its cluster and switch itself off; raises WaitTimeout if it does not."""
    timing = inventory.timing
    with Remote(machine) as remote:
        if machine.role is MachineRole.NODE:
            remote.run(Parts(inventory).leaving, timeout=timing.stop_wait_s)
        remote.run("systemctl poweroff --no-block", timeout=timing.ssh_wait_s)
    wait_until(
        lambda: power.states().get(machine.name, "gone"),
        lambda state: state == power.off,
        what=f"{machine.name} is off",
        timeout=timing.stop_wait_s + power.delay_s,
        hint=f"look at its console; `./halab up {inventory.lab}` goes on",
    )


def _with_host_key(inventory: Inventory, machine: Machine, folder: LabFolder) -> Inventory:
    """Note a host key that was given to a machine in the place of a lost one.

    A machine on AWS has made its own, and keeps it.
    """
    if not (folder.host_keys / machine.name).exists():
        return inventory
    given = ensure_host_key(folder, machine.name).public
    if given == machine.ssh.host_key:
        return inventory
    new = machine.model_copy(update={"ssh": machine.ssh.model_copy(update={"host_key": given})})
    others = (new if one == machine else one for one in inventory.machines)
    changed = inventory.model_copy(update={"machines": tuple(others)})
    save(folder.inventory, changed)
    return changed

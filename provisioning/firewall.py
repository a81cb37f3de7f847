"""The firewall of every machine: `labs.ports` as a rule set, put into force on trial.

Rules live in a table of their own, `inet halab`. Nothing else is flushed or changed, so that other
tables (those of drills, or a person's own) stay what they are.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from core.errors import CommandError, HalabError
from core.wait import WaitTimeout, wait_until
from inventory.model import Inventory, Machine
from labs.ports import Opening, Peer, Protocol
from labs.roles import MachineRole, NetworkRole
from machines.remote import Remote, RemoteUnreachable
from provisioning.facts import NOTES, Facts, Unit
from provisioning.files import File, Link, run_script
from provisioning.steps import Step
from provisioning.templates import render

TABLE = "inet halab"
RULES = "/etc/halab/firewall.nft"
"""What the next boot loads; only rules that were confirmed come here."""

UNIT = f"/etc/systemd/system/{Unit.FIREWALL}"
WANTED = f"/etc/systemd/system/sysinit.target.wants/{Unit.FIREWALL}"
KERNEL_SETTINGS = "/etc/sysctl.d/halab.conf"
NOTE = "firewall"

_TRIAL = "/run/halab/firewall.nft"
_RESTORED = "/run/halab/firewall.restored"

Connect = Callable[[], AbstractContextManager[Remote]]
"""Opens a connection that did not exist before the rules were changed."""


@dataclass(frozen=True)
class _Network:
    """One network as a machine's rules see it."""

    chain: str
    interface: str
    addresses: tuple[str, ...]
    rules: tuple[str, ...]


def rules(inventory: Inventory, machine: Machine) -> str:
    """Render the rule set of one machine."""
    return render(
        "firewall.nft.j2",
        name=machine.name,
        networks=[_network(inventory, machine, role) for role in machine.interfaces],
    )


def files(inventory: Inventory) -> tuple[File | Link, ...]:
    """Describe what keeps networks apart and loads the rules before the network is up."""
    if not inventory.firewall.enabled:
        return ()
    return (
        File(UNIT, render("firewall.service.j2", rules=RULES)),
        Link(WANTED, UNIT),
        File(KERNEL_SETTINGS, render("segmentation.conf.j2")),
    )


def kernel_settings() -> dict[str, str]:
    """Return what keeps networks apart: values by path below /proc/sys."""
    found = re.findall(r"^([\w.]+) = (\w+)$", render("segmentation.conf.j2"), re.MULTILINE)
    return {f"/proc/sys/{name.replace('.', '/')}": value for name, value in found}


def delivery(inventory: Inventory, machine: Machine, facts: Facts) -> tuple[File, ...]:
    """Describe the rules to try; nothing when the right ones are in force and loaded at boot."""
    if not inventory.firewall.enabled:
        return ()
    wanted = rules(inventory, machine)
    in_force, at_boot = facts.digests.get("-"), facts.digests.get(RULES)
    noted = facts.notes.get(NOTE, "").split(" ")[0]
    if in_force == noted and at_boot == hashlib.sha256(wanted.encode()).hexdigest():
        return ()
    return (File(_TRIAL, wanted),)


def apply_on_trial(
    inventory: Inventory, remote: Remote, connect: Connect, written: frozenset[str]
) -> tuple[str, ...]:
    """Put delivered rules into force, and keep them only if halab can still connect.

    The machine itself restores the old rules when no new connection confirms the new ones in time.
    Raises HalabError then, and CommandError when nft does not accept the rules.
    """
    if _TRIAL not in written:
        return ()
    patience = inventory.timing.firewall_trial_s
    run_script(remote, "try_firewall.sh", _TRIAL, str(patience))

    def confirm() -> None:
        with connect() as again:
            run_script(again, "confirm_firewall.sh", _TRIAL, RULES, f"{NOTES}/{NOTE}")

    try:
        wait_until(
            confirm,
            lambda _: True,
            what=f"{remote.name} answers with its new firewall rules",
            timeout=patience,
            retry_on=(RemoteUnreachable,),
        )
    except (WaitTimeout, CommandError) as error:
        raise HalabError(
            f"{remote.name}: the new firewall rules shut halab out; {_fate(connect, patience)}",
            detail=error.detail,
            hint="compare [firewall] and the addresses in the inventory with where halab connects "
            f"from; the rules are in {_TRIAL} on {remote.name}",
        ) from error
    return ("firewall rules in force",)


def _fate(connect: Connect, patience: float) -> str:
    """Wait until the machine has ended the trial by itself, and tell whether it has."""

    def ended() -> bool:
        with connect() as again:
            return again.run(f"test -e {_RESTORED}", check=False).status == 0

    try:
        wait_until(
            ended,
            bool,
            what="the old firewall rules are back",
            timeout=patience,
            retry_on=(RemoteUnreachable,),
        )
    except WaitTimeout:
        return "it does not answer with the old ones either"
    return "they were taken back"


def start(inventory: Inventory, facts: Facts, written: frozenset[str]) -> tuple[Step, ...]:
    """Make kernel settings and the unit known; without a firewall, remove what an earlier one left.

    Systemd must have been reloaded.
    """
    steps: list[Step] = []
    wanted = kernel_settings()
    apart = all(facts.kernel.get(path) == value for path, value in wanted.items())
    if inventory.firewall.enabled and (KERNEL_SETTINGS in written or not apart):
        command = f"/usr/lib/systemd/systemd-sysctl {KERNEL_SETTINGS}"
        steps.append(Step("networks kept apart in the kernel", command))
    if inventory.firewall.enabled and (UNIT in written or not facts.units[Unit.FIREWALL].active):
        steps.append(Step("firewall loaded at boot", "systemctl start halab-firewall.service"))
    if not inventory.firewall.enabled and NOTE in facts.notes:
        paths = shlex.join((WANTED, UNIT, KERNEL_SETTINGS, RULES, f"{NOTES}/{NOTE}"))
        command = f"nft delete table {TABLE} || :\nrm -f {paths}\nsystemctl daemon-reload"
        steps.append(Step("firewall removed", command))
    return tuple(steps)


def peers(inventory: Inventory, machine: Machine, opening: Opening) -> tuple[str, ...] | None:
    """Return the addresses that may use an opening of this machine; None for everybody."""
    found: list[str] = []
    for peer in opening.peers:
        if peer is Peer.ANYBODY:
            return None
        if peer is Peer.PLATFORM:
            if inventory.firewall.platform is None:
                return None
            found.append(str(inventory.firewall.platform))
            continue
        role = MachineRole.NODE if peer is Peer.NODE else MachineRole.MONITOR
        found += [
            str(other.interfaces[opening.network].address.ip)
            for other in inventory.machines
            if other.role is role
            and other.name != machine.name
            and opening.network in other.interfaces
        ]
    return tuple(found)


def _network(inventory: Inventory, machine: Machine, role: NetworkRole) -> _Network:
    interface = machine.interfaces[role]
    addresses = [str(interface.address.ip)]
    if role is NetworkRole.SERVICE and machine.role is MachineRole.NODE:
        addresses.append(str(inventory.service.address.ip))
    return _Network(
        chain=role.value,
        interface=interface.name,
        addresses=tuple(addresses),
        rules=tuple(
            rule
            for opening in inventory.openings
            if (opening.role, opening.network) == (machine.role, role)
            for rule in _rules(opening, peers(inventory, machine, opening))
        ),
    )


def _rules(opening: Opening, sources: tuple[str, ...] | None) -> Iterator[str]:
    if sources is not None and not sources:
        return
    source = "" if sources is None else f"ip saddr {_set(sources)} "
    comment = f'comment "{opening.purpose}"'
    if opening.protocol is Protocol.ICMP:
        yield f"{source}icmp type echo-request accept {comment}"
        return
    yield f"{source}{opening.protocol} dport {opening.port} accept {comment}"
    if opening.protocol is Protocol.TCP and opening.network is NetworkRole.REPLICATION:
        # Connection tracking begins with these rules and cannot know what was connected before
        # them. A segment with ACK and without SYN opens nothing.
        yield (
            f"{source}tcp sport {opening.port} tcp flags & (syn | ack) == ack accept "
            f'comment "{opening.purpose}, connected before these rules"'
        )


def _set(addresses: tuple[str, ...]) -> str:
    return addresses[0] if len(addresses) == 1 else f"{{ {', '.join(addresses)} }}"

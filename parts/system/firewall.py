"""The firewall of every machine: `labs.ports` as rules that are there before the network.

Rules live in a table of their own, `inet halab`. Nothing else is flushed or changed, so that other
tables (those of drills, or a person's own) stay what they are.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from inventory.model import Inventory, Machine
from labs.ports import Opening, Peer, Protocol
from labs.roles import MachineRole, NetworkRole
from parts.base import Found, Part
from parts.facts import Facts
from parts.host import NOTES, UNITS, Entry, File, Link, Step, render
from parts.secrets import Secrets

TABLE = "inet halab"
RULES = "/etc/halab/firewall.nft"
"""What the next boot loads; only rules that were confirmed come here."""

TRIAL = "/run/halab/firewall.nft"
"""Rules that are to be tried."""

UNIT = "halab-firewall.service"
UNIT_FILE = f"{UNITS}/{UNIT}"
WANTED = f"{UNITS}/sysinit.target.wants/{UNIT}"
KERNEL_SETTINGS = "/etc/sysctl.d/halab.conf"
NOTE = "firewall"


@dataclass(frozen=True)
class _Network:
    """One network as a machine's rules see it."""

    chain: str
    interface: str
    addresses: tuple[str, ...]
    rules: tuple[str, ...]


class Firewall(Part):
    """What keeps networks apart, and drops what nobody needs; removed from a lab without."""

    node_packages = monitor_packages = ("nftables",)
    on_monitor = True

    def units(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit that loads the rules."""
        return (UNIT,) if self.inventory.firewall.enabled else ()

    def asked(self, role: MachineRole) -> tuple[str, ...]:
        """Return the unit of a lab that has no firewall any more."""
        return () if self.inventory.firewall.enabled else (UNIT,)

    def files(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[Entry, ...]:
        """Describe what keeps networks apart and loads the rules before the network is up."""
        if not self.inventory.firewall.enabled:
            return ()
        return (
            File(UNIT_FILE, render("firewall.service.j2", rules=RULES)),
            Link(WANTED, UNIT_FILE),
            File(KERNEL_SETTINGS, render("segmentation.conf.j2")),
        )

    def delivery(self, machine: Machine, secrets: Secrets, found: Found) -> tuple[File, ...]:
        """Describe the rules to try; nothing when the right ones are in force and at boot."""
        if not self.inventory.firewall.enabled:
            return ()
        wanted, facts = rules(self.inventory, machine), found[machine]
        in_force, at_boot = facts.digests.get("-"), facts.digests.get(RULES)
        noted = facts.notes.get(NOTE, "").split(" ")[0]
        if in_force == noted and at_boot == hashlib.sha256(wanted.encode()).hexdigest():
            return ()
        return (File(TRIAL, wanted),)

    def configure(
        self, machine: Machine, found: Found, written: frozenset[str]
    ) -> tuple[Step, ...]:
        """Make kernel settings and the unit known, or remove what an earlier lab left.

        Systemd must have been reloaded.
        """
        facts = found[machine]
        return _kept(facts, written) if self.inventory.firewall.enabled else _removed(facts)


def _kept(facts: Facts, written: frozenset[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    wanted = kernel_settings()
    apart = all(facts.kernel.get(path) == value for path, value in wanted.items())
    if KERNEL_SETTINGS in written or not apart:
        command = f"/usr/lib/systemd/systemd-sysctl {KERNEL_SETTINGS}"
        steps.append(Step("networks kept apart in the kernel", command))
    if UNIT_FILE in written or not facts.unit(UNIT).active:
        steps.append(Step("firewall loaded at boot", f"systemctl start {UNIT}"))
    return tuple(steps)


def _removed(facts: Facts) -> tuple[Step, ...]:
    if NOTE not in facts.notes:
        return ()
    paths = shlex.join((WANTED, UNIT_FILE, KERNEL_SETTINGS, RULES, f"{NOTES}/{NOTE}"))
    command = f"nft delete table {TABLE} || :\nrm -f {paths}\nsystemctl daemon-reload"
    return (Step("firewall removed", command),)


def rules(inventory: Inventory, machine: Machine) -> str:
    """Render the rule set of one machine."""
    return render(
        "firewall.nft.j2",
        name=machine.name,
        networks=[_network(inventory, machine, role) for role in machine.interfaces],
    )


def kernel_settings() -> dict[str, str]:
    """Return what keeps networks apart: values by path below /proc/sys."""
    found = re.findall(r"^([\w.]+) = (\w+)$", render("segmentation.conf.j2"), re.MULTILINE)
    return {f"/proc/sys/{name.replace('.', '/')}": value for name, value in found}


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
        floating = (address for service in inventory.services for address in service.addresses)
        addresses += [str(address.ip) for address in floating]
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

"""Looks at a machine before anything is changed, in one round trip."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import HalabError
from labs.roles import MachineRole
from machines.remote import Remote
from parts.all import Parts
from parts.base import Part
from parts.facts import Facts, parse_facts
from parts.host import NOTES
from parts.system.firewall import kernel_settings
from provisioning import packages
from provisioning.files import run_script


def look(parts: Parts, remote: Remote) -> Facts:
    """Look at a machine as all parts need it.

    Raises RemoteUnreachable when it does not answer, HalabError when it is not what halab can
    configure.
    """
    machine = remote.machine
    units: dict[str, None] = {}
    looks: list[str] = []
    for part in parts.on(machine.role):
        units |= dict.fromkeys(_units(part, machine.role))
        looks += [f"echo '== look {name}'\n{text}" for name, text in part.looks(machine).items()]
    kind = "node" if machine.role is MachineRole.NODE else ""
    lists = (" ".join(words) for words in _lists(units, packages.wanted(parts, machine.role)))
    facts = parse_facts(
        run_script(remote, "facts.sh", NOTES, kind, *lists, "\n".join(looks) or ":")
    )
    if facts.system != "debian 13":
        raise HalabError(
            f"{remote.name} runs {facts.system or 'an unknown system'}, halab needs Debian 13",
            hint="`./halab up` makes its own Debian 13 guests; by hand, take a Debian 13 machine",
        )
    if facts.hostname != remote.name:
        raise HalabError(
            f"{remote.name} in the inventory calls itself {facts.hostname!r}",
            hint=f"run `hostnamectl hostname {remote.name}` there, or correct the inventory: "
            "the cluster and DRBD know machines by their host names",
        )
    return facts


def _units(part: Part, role: MachineRole) -> tuple[str, ...]:
    return (*part.units(role), *part.strangers(role), *part.asked(role))


def _lists(units: Iterable[str], wanted: Iterable[str]) -> tuple[Iterable[str], ...]:
    return units, wanted, kernel_settings()

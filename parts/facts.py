"""What a machine is like before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from parts.host import Step

PACEMAKER, COROSYNC = "pacemaker.service", "corosync.service"
"""The units that make a cluster: whether they run decides what may be changed."""


@dataclass(frozen=True)
class UnitState:
    """Whether a unit runs, whether it starts at boot, and whether somebody forbade it to start."""

    active: bool
    enabled: bool
    masked: bool = False

    @property
    def there(self) -> bool:
        """Whether it runs, or will after the next boot."""
        return self.active or self.enabled


AWAY = UnitState(active=False, enabled=False)
"""The state of a unit that is not there."""


@dataclass(frozen=True)
class Facts:
    """A machine as it was found.

    `notes` maps the names of files in host.NOTES to their content; `digests` are SHA-256 by path,
    those of the firewall's rules in force by "-"; `kernel` are settings by path below /proc/sys;
    `members` are the numbers of the nodes that corosync here is together with; `cib` is the
    cluster's configuration, empty where Pacemaker does not run; `looks` is what a part's own looks
    at the machine printed, by the name of the look.
    """

    system: str
    hostname: str
    packages: frozenset[str]
    units: Mapping[str, UnitState]
    notes: Mapping[str, str]
    corosync_conf: str
    digests: Mapping[str, str] = field(default_factory=dict)
    kernel: Mapping[str, str] = field(default_factory=dict)
    members: frozenset[int] = frozenset()
    cib: str = ""
    looks: Mapping[str, str] = field(default_factory=dict)

    def unit(self, name: str) -> UnitState:
        """Return the state of a unit, whether or not the machine knows it."""
        return self.units.get(name, AWAY)

    @property
    def cluster_runs(self) -> bool:
        """Whether Pacemaker is active here."""
        return self.unit(PACEMAKER).active

    @property
    def is_member(self) -> bool:
        """Whether Corosync is active here."""
        return self.unit(COROSYNC).active


def ended(what: str, facts: Facts, units: Iterable[str]) -> tuple[Step, ...]:
    """Stop for good, in this order, those of the units that are there; nothing if none is."""
    found = [unit for unit in units if facts.unit(unit).there]
    return (Step(what, f"systemctl disable --now {' '.join(found)}"),) if found else ()


def parse_facts(printed: str) -> Facts:
    """Read the output of provisioning/files/facts.sh: sections that begin with `== name`."""
    sections: dict[str, str] = {}
    for part in ("\n" + printed).split("\n== ")[1:]:
        name, _, body = part.partition("\n")
        sections[name] = body.rstrip("\n")
    return Facts(
        system=sections["system"],
        hostname=sections["hostname"],
        packages=frozenset(
            line.split()[1]
            for line in sections["packages"].splitlines()
            if line.startswith("installed ")
        ),
        units=_units(sections["units"]),
        notes=_named(sections, "note "),
        corosync_conf=sections["corosync.conf"] + "\n",
        digests={
            path: digest
            for digest, _, path in (
                line.partition("  ") for line in sections.get("digests", "").splitlines()
            )
        },
        kernel=dict(line.split(":", 1) for line in sections.get("kernel", "").splitlines()),
        members=frozenset(
            int(number)
            for number in re.findall(
                r"^runtime\.members\.(\d+)\.status .* = joined$",
                sections.get("members", ""),
                re.MULTILINE,
            )
        ),
        cib=sections.get("cib", ""),
        looks=_named(sections, "look "),
    )


def _named(sections: Mapping[str, str], word: str) -> dict[str, str]:
    return {n.removeprefix(word): body for n, body in sections.items() if n.startswith(word)}


def _units(text: str) -> dict[str, UnitState]:
    states = {}
    for block in text.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values:
            states[values["Id"]] = UnitState(
                active=values["ActiveState"] in ("active", "activating"),
                enabled=values["UnitFileState"] == "enabled",
                masked=values["UnitFileState"].startswith("masked"),
            )
    return states

"""What a machine is like before anything is changed, read in one round trip."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import HalabError
from inventory.model import Disks
from machines.remote import Remote
from provisioning.files import run_script

NOTES = "/var/lib/halab"
"""Where a machine notes what was done to it once: replication set up, certificates imported."""


class Unit(StrEnum):
    """The systemd units that provisioning looks at."""

    CHRONY = "chrony.service"
    COROSYNC = "corosync.service"
    QDEVICE = "corosync-qdevice.service"
    PACEMAKER = "pacemaker.service"
    SBD = "sbd.service"
    RESERVE = "halab-reserve.service"
    QNETD = "corosync-qnetd.service"
    NGINX = "nginx.service"
    DRBD = "drbd.service"
    ZABBIX_AGENT = "zabbix-agent2.service"
    COLLECTOR = "halab-cluster-status.timer"
    ZABBIX_SERVER = "zabbix-server.service"
    POSTGRESQL = "postgresql.service"
    PHP = "php8.4-fpm.service"
    FIREWALL = "halab-firewall.service"


@dataclass(frozen=True)
class UnitState:
    """Whether a unit runs, whether it starts at boot, and whether somebody forbade it to start."""

    active: bool
    enabled: bool
    masked: bool = False


@dataclass(frozen=True)
class Replicated:
    """Sizes in KiB of a node's disk, of the replicated device on it and of the filesystem on that.

    Known where the device can be read: where it is primary.
    """

    disk_kib: int
    device_kib: int
    filesystem_kib: int


@dataclass(frozen=True)
class Facts:
    """A machine as it was found.

    `fencing_disk` is what `sbd dump` prints, empty when the disk holds no header; `notes` maps the
    names of files in NOTES to their content; `digests` are SHA-256 by path, those of the firewall's
    rules in force by "-"; `kernel` are settings by path below /proc/sys; `replication` is r0's line
    of /proc/drbd, `replicated` its sizes, None where it is not primary; `members` are the numbers
    of the nodes that corosync here is together with; `cib` is the cluster's configuration, empty
    where Pacemaker does not run.
    """

    system: str
    hostname: str
    packages: frozenset[str]
    units: dict[Unit, UnitState]
    notes: dict[str, str]
    corosync_conf: str
    fencing_disk: str
    digests: dict[str, str] = field(default_factory=dict)
    kernel: dict[str, str] = field(default_factory=dict)
    replication: str = ""
    members: frozenset[int] = frozenset()
    cib: str = ""
    replicated: Replicated | None = None

    @property
    def cluster_runs(self) -> bool:
        """Whether Pacemaker is active here."""
        return self.units[Unit.PACEMAKER].active


def read_facts(
    remote: Remote, packages: Iterable[str], disks: Disks | None, settings: Iterable[str]
) -> Facts:
    """Look at a machine; `disks` are a node's.

    Raises HalabError when it is not what halab can configure.
    """
    lists = (" ".join(words) for words in (Unit, packages, settings))
    paths = (disks.sbd, disks.data) if disks else ("", "")
    printed = run_script(remote, "facts.sh", NOTES, *paths, *lists)
    facts = parse_facts(printed)
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


def parse_facts(printed: str) -> Facts:
    """Read the output of files/facts.sh: sections that begin with `== name`."""
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
        notes={
            name.removeprefix("note "): body
            for name, body in sections.items()
            if name.startswith("note ")
        },
        corosync_conf=sections["corosync.conf"] + "\n",
        fencing_disk=sections.get("fencing disk", ""),
        digests={
            path: digest
            for digest, _, path in (
                line.partition("  ") for line in sections.get("digests", "").splitlines()
            )
        },
        kernel=dict(line.split(":", 1) for line in sections.get("kernel", "").splitlines()),
        replication=sections.get("replication", "").strip(),
        members=frozenset(
            int(number)
            for number in re.findall(
                r"^runtime\.members\.(\d+)\.status .* = joined$",
                sections.get("members", ""),
                re.MULTILINE,
            )
        ),
        cib=sections.get("cib", ""),
        replicated=_replicated(sections.get("sizes", "")),
    )


def _replicated(text: str) -> Replicated | None:
    found = {
        words[0]: [int(word) for word in words[1:]] for words in map(str.split, text.splitlines())
    }
    if not {"disk", "device", "filesystem"} <= found.keys():
        return None
    # Blocks come first and the exponent of their size in KiB last (ext4's disk layout).
    superblock = found["filesystem"]
    return Replicated(
        disk_kib=found["disk"][0] // 1024,
        device_kib=found["device"][0] // 2,
        filesystem_kib=superblock[0] << superblock[-1],
    )


def _units(text: str) -> dict[Unit, UnitState]:
    states = dict.fromkeys(Unit, UnitState(active=False, enabled=False))
    for block in text.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values:
            states[Unit(values["Id"])] = UnitState(
                active=values["ActiveState"] in ("active", "activating"),
                enabled=values["UnitFileState"] == "enabled",
                masked=values["UnitFileState"].startswith("masked"),
            )
    return states

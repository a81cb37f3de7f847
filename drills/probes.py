"""What a client outside the cluster sees: runs it on the monitor and measures the outage."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Any

from core.wait import wait_until
from drills.times import Seconds
from inventory.model import Inventory
from labs.roles import NetworkRole
from machines.remote import Remote
from parts.host import File
from parts.services.base import ServicePart
from provisioning.files import ensure_files

SETTLED_S = 5.0
"""Seconds of answers without a failure after which the service counts as back."""

RECENT_LINES = 400
"""At five probes and two writes a second, about a minute."""

MOST_S = 86400
"""Seconds after which a client ends by itself: nobody watches one for a day, and what it writes
would fill the disk of who serves."""

END_S = 45
"""Seconds in which a client ends when it is told to, or is killed: its last write and its last
probes of every address. Less than a command on the monitor may take."""

_FOLDER = "/run/halab"
_PROGRAM = f"{_FOLDER}/outside"
_BESIDE = ("arp.py", "errand.py")
"""The modules of this package that the client needs beside its own, and beside all `clients`."""
_UNIT = "halab-probe-"


@dataclass(frozen=True)
class Attempt:
    """One request to the service at one address.

    `begun` and `ended` are the monitor's monotonic clock, `wall` its time of day.

    `entry` and `sha256` are given for writes; a write that is not `ok` may still have happened.
    """

    kind: str
    address: str
    ok: bool
    begun: Seconds
    ended: Seconds
    wall: Seconds
    error: str
    entry: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Sighting:
    """Who answered for an address at one moment, by hardware address; `wall` as above."""

    wall: float
    address: str
    hardware: tuple[str, ...]


@dataclass(frozen=True)
class Outage:
    """A gap between two successes at an address; `began` and `over` are wall time."""

    seconds: Seconds
    began: Seconds
    over: Seconds
    address: str


class Probe:
    """A client that is running on the monitor."""

    def __init__(self, remote: Remote, run: str, service: str) -> None:
        self._remote = remote
        self.run = run
        self._name = f"{run}-{service}"

    @property
    def unit(self) -> str:
        """The transient systemd unit that the client runs as."""
        return f"{_UNIT}{self._name}"

    @property
    def log(self) -> str:
        """Where the client writes on the monitor."""
        return f"{_FOLDER}/{self._name}.jsonl"

    def sightings(self) -> tuple[Sighting, ...]:
        """Return who was seen to hold the service address, once a second."""
        command = f'grep \'"kind": "arp"\' {self.log} || :'
        return parse_sightings(self._remote.run(command).stdout)

    def attempts(self) -> tuple[Attempt, ...]:
        """Return everything the client has tried so far, in the order it ended."""
        return parse_attempts(self._remote.run(f"cat {self.log}").stdout)

    def recent(self) -> tuple[Attempt, ...]:
        """Return what the client has tried in the last minute or so."""
        return parse_attempts(self._remote.run(f"tail -n {RECENT_LINES} {self.log}").stdout)

    def stop(self) -> tuple[Attempt, ...]:
        """Stop the client after the request that it is making; return all it has tried."""
        self._remote.run(f"systemctl stop {self.unit}")
        return self.attempts()

    def wait_success(self, wanted: set[tuple[str, str]], seen: set[str], timeout: float) -> None:
        """Wait until all that it tries has succeeded once and ARP told who has each address.

        `wanted` are kinds of attempts and addresses, `seen` the addresses that ARP can tell of.
        Raises WaitTimeout.
        """

        def told(sightings: Sequence[Sighting]) -> set[str]:
            return {sighting.address for sighting in sightings if sighting.hardware}

        wait_until(
            lambda: (self.recent(), self.sightings()),
            lambda now: (
                {(a.kind, a.address) for a in now[0] if a.ok} >= wanted and told(now[1]) >= seen
            ),
            what="service answers the client outside",
            timeout=timeout,
            describe=lambda now: _describe(now[0]),
        )


def new_run() -> str:
    """Return a word that tells the clients of one drill, and what they write, from all others."""
    return secrets.token_hex(4)


def running(inventory: Inventory) -> tuple[str, ...]:
    """Return the runs of which clients are at work on the monitor."""
    with Remote(inventory.monitor) as remote:
        listed = remote.run(f"systemctl list-units --plain --no-legend '{_UNIT}*'").stdout
    return tuple(dict.fromkeys(re.findall(rf"^{_UNIT}([0-9a-f]+)-", listed, re.MULTILINE)))


def forget(inventory: Inventory, run: str) -> None:
    """End the clients of a run that nobody watches any more, and remove their logs."""
    with Remote(inventory.monitor) as remote:
        units, logs = f"'{_UNIT}{run}-*'", f"{_FOLDER}/{run}-*.jsonl"
        remote.run(f"systemctl stop {units} 2>/dev/null; rm -f {logs}", check=False)


@contextmanager
def probing(part: ServicePart, run: str, only: Collection[str] | None = None) -> Iterator[Probe]:
    """Run a client of a service on the monitor until the block ends.

    It asks at all addresses of the service, or `only` at those of these. Its log stays readable
    inside the block. Raises WaitTimeout where it is not answered to begin with.
    """
    inventory = part.inventory
    found = [each.ip for each in part.service.addresses if only is None or str(each.ip) in only]
    addresses = list(map(str, found))
    with Remote(inventory.monitor) as remote:
        probe = Probe(remote, run, part.service.name)
        # Where a route leads to an address, nobody answers for it.
        announced = inventory.addresses == "announced"
        interface = inventory.monitor.interfaces[NetworkRole.SERVICE].name if announced else ""
        kinds = ("probe", "write") if part.keeps_writes else ("probe",)
        wanted = {(kind, address) for kind in kinds for address in addresses}
        writes = "writes" if part.keeps_writes else "reads"
        urls = [part.url(address) for address in found]
        words = ["python3", _PROGRAM, probe.log, run, writes, interface, *urls]
        remote.run(f"mkdir -p {_FOLDER} && : > {probe.log}")
        ensure_files(remote, program_files(_PROGRAM))
        # A unit of its own outlives a lost ssh connection and is stopped by name. What it mounts
        # below its own /tmp goes with it.
        limits = f"--property RuntimeMaxSec={MOST_S} --property TimeoutStopSec={END_S}"
        unit = f"--unit {probe.unit} --property PrivateTmp=yes {limits}"
        remote.run(f"systemd-run --quiet --collect {unit} -- {shlex.join(words)}")
        try:
            seen = set(addresses) if announced else set()
            probe.wait_success(wanted, seen, timeout=30.0 * inventory.timing.pace)
            yield probe
        finally:
            remote.run(f"systemctl stop {probe.unit}; rm -f {probe.log}", check=False)


def program_files(folder: str) -> tuple[File, ...]:
    """Describe the client as a folder that Python runs."""
    sources = resources.files("drills")
    return (
        File(f"{folder}/drills/__init__.py", ""),
        *(File(f"{folder}/drills/{name}", (sources / name).read_text()) for name in _BESIDE),
        *(
            File(f"{folder}/drills/clients/{module.name}", module.read_text())
            for module in sorted((sources / "clients").iterdir(), key=lambda each: each.name)
            if module.name.endswith(".py")
        ),
        File(f"{folder}/__main__.py", (sources / "outside.py").read_text()),
    )


def parse_attempts(text: str) -> tuple[Attempt, ...]:
    """Read the client's JSON lines; a line that is still being written is left out."""
    return tuple(
        Attempt(
            kind=line["kind"],
            address=line["address"],
            ok=line["ok"],
            begun=line["begun"],
            ended=line["ended"],
            wall=line["wall"],
            error=line["error"],
            entry=line.get("entry"),
            sha256=line.get("sha256"),
        )
        for line in _whole_lines(text)
        if line["kind"] in ("probe", "write")
    )


def parse_sightings(text: str) -> tuple[Sighting, ...]:
    """Read from the client's JSON lines who answered for the service address, and when."""
    return tuple(
        Sighting(line["wall"], line["address"], tuple(line["hardware"]))
        for line in _whole_lines(text)
        if line["kind"] == "arp"
    )


def _whole_lines(text: str) -> Iterator[dict[str, Any]]:
    return map(json.loads, text[: text.rfind("\n") + 1].splitlines())


def outages(attempts: Sequence[Attempt], since: float = 0.0) -> tuple[Outage, ...]:
    """Return the largest gap at each address between successful probes after `since` (wall time).

    A gap runs from the end of one success to the end of the next. Raises ValueError for an address
    with fewer than two successes: there is nothing to measure then.
    """
    found = []
    for address in dict.fromkeys(probe.address for probe in _probes(attempts, since)):
        own = gaps(attempts, address, since)
        if not own:
            good = any(probe.ok for probe in _probes(attempts, since) if probe.address == address)
            raise ValueError(
                f"only {int(good)} probes of {address} succeeded: the outage cannot be told"
            )
        found.append(max(own, key=lambda gap: gap.seconds))
    if not found:
        raise ValueError("no probe was made: the outage cannot be told")
    return tuple(found)


def gaps(attempts: Sequence[Attempt], address: str, since: float) -> tuple[Outage, ...]:
    """Return every gap between two successful probes of an address after `since` (wall time)."""
    good = [a for a in _probes(attempts, since) if a.ok and a.address == address]
    return tuple(
        Outage(after.ended - before.ended, before.wall, after.wall, address)
        for before, after in pairwise(good)
    )


def _probes(attempts: Sequence[Attempt], since: float) -> list[Attempt]:
    return [a for a in attempts if a.kind == "probe" and a.wall >= since]


def settled(attempts: Sequence[Attempt], since: float) -> bool:
    """Tell whether probes have failed after `since` (wall time) and then succeeded for a while."""
    probes = _probes(attempts, since)
    failures = [a.ended for a in probes if not a.ok]
    return bool(failures) and probes[-1].ended - failures[-1] >= SETTLED_S


def _describe(attempts: Sequence[Attempt]) -> str:
    probes = _probes(attempts, 0.0)
    if not probes:
        return "no probe yet"
    last = probes[-1]
    return "the service answers" if last.ok else f"the service does not answer: {last.error}"

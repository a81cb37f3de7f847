"""The hypervisor's side of a machine: its power, its cables, and what libvirt saw happen to it.

Power faults go this way only: to kill a machine from inside is a polite death.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from xml.etree import ElementTree

from core.command import start
from core.environment import libvirt_access
from core.errors import CommandError, HalabError
from hypervisor.objects import Virsh, owned
from inventory.record import LabRecord
from labs.roles import NetworkRole


@dataclass(frozen=True)
class Event:
    """Something libvirt reported: `at` in seconds since 1970 on the hypervisor's clock."""

    at: float
    machine: str
    kind: str
    detail: str

    @property
    def is_reset(self) -> bool:
        """Whether the machine lost everything it had in memory."""
        return self.kind in ("reboot", "watchdog") or self.detail.startswith("Stopped")

    @property
    def stands_still(self) -> bool:
        """Whether the machine could not do anything from then on: off, reset or suspended."""
        return self.is_reset or self.detail.startswith("Suspended")


class Power:
    """Switches and cables of a lab's machines, through libvirt."""

    def __init__(self, record: LabRecord) -> None:
        self._uri = record.uri
        self._virsh = Virsh(record.uri)
        self._domains: Mapping[str, str] = record.domains
        self._network = record.network
        self._mark = record.mark

    def domain(self, machine: str) -> str:
        """Return the UUID that libvirt knows a machine by; whoever has its name may be another's.

        Raises HalabError when no machine of that name is the lab's.
        """
        try:
            return self._uuids[self._domains[machine]]
        except KeyError as error:
            raise HalabError(
                f"{machine}: there is no domain {self._domains[machine]} that is this lab's",
                hint="`./halab up LAB` makes it again",
            ) from error

    @cached_property
    def _uuids(self) -> dict[str, str]:
        return {one.name: one.uuid for one in owned(self._virsh, "domain", self._mark)}

    def is_on(self, machine: str) -> bool:
        """Tell whether the machine has power."""
        return self._state(machine) != "shut off"

    def _state(self, machine: str) -> str:
        return self._virsh("domstate", self.domain(machine)).strip()

    def cut(self, machine: str) -> None:
        """Take the power away, at once."""
        self._virsh("destroy", self.domain(machine))

    def start(self, machine: str) -> None:
        """Give a machine its power back; does nothing when it has it."""
        if not self.is_on(machine):
            self._virsh("start", self.domain(machine))

    def reset(self, machine: str) -> None:
        """Press the machine's reset button."""
        self._virsh("reset", self.domain(machine))

    def suspend(self, machine: str) -> None:
        """Stop the machine's processors; its memory stays."""
        self._virsh("suspend", self.domain(machine))

    def resume(self, machine: str) -> None:
        """Let the machine's processors go on; does nothing when they run or have no power."""
        # At once: whoever counts the moments for which it stands still has none for a question.
        try:
            self._virsh("resume", self.domain(machine))
        except CommandError:
            if self._state(machine) == "paused":
                raise

    def disk(self, machine: str, serial: str) -> str | None:
        """Return the XML of a machine's disk as it is now; None when it is not plugged in."""
        disk = self._disk(machine, serial)
        return None if disk is None else ElementTree.tostring(disk, encoding="unicode")

    def pull_disk(self, machine: str, xml: str) -> None:
        """Tear a disk out of a running machine."""
        self._device("detach-device", machine, xml)

    def plug_disk(self, machine: str, xml: str) -> None:
        """Put a disk into a running machine."""
        self._device("attach-device", machine, xml)

    def limit_writes(self, machine: str, serial: str, per_second: int) -> None:
        """Let a machine's disk take so many writes a second, or with 0 as many as it can.

        Does nothing to a machine without that disk, or without power: it has forgotten a limit.
        """
        disk = self._disk(machine, serial)
        if disk is None or not self.is_on(machine):
            return
        device = next(disk.iterfind("target")).attrib["dev"]
        limit = ("--write-iops-sec", str(per_second))
        self._virsh("blkdeviotune", self.domain(machine), device, *limit, "--live")

    def _disk(self, machine: str, serial: str) -> ElementTree.Element | None:
        root = ElementTree.fromstring(self._virsh("dumpxml", self.domain(machine)))
        disks = root.iterfind("devices/disk")
        return next((disk for disk in disks if disk.findtext("serial") == serial), None)

    def _device(self, verb: str, machine: str, xml: str) -> None:
        with NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(xml)
            file.flush()
            self._virsh(verb, self.domain(machine), file.name, "--live")

    def set_cable(self, machine: str, network: NetworkRole, *, plugged: bool) -> None:
        """Plug a machine's network cable in or out."""
        state = "up" if plugged else "down"
        self._virsh("domif-setlink", self.domain(machine), self._mac(machine, network), state)

    def _mac(self, machine: str, network: NetworkRole) -> str:
        wanted = self._network(network)
        for line in self._virsh("domiflist", self.domain(machine)).splitlines():
            # Columns: interface, type, source, model, MAC.
            words = line.split()
            if len(words) == 5 and words[2] == wanted:
                return words[4]
        raise HalabError(f"{machine} has no cable into network {wanted}")

    @contextmanager
    def watched(self, log: Path) -> Iterator[Watch]:
        """Record libvirt's events into `log` until the block ends."""
        names = {domain: machine for machine, domain in self._domains.items()}
        log.parent.mkdir(parents=True, exist_ok=True)
        # Asked for now, and not in the moment of a fault.
        _ = self._uuids
        words = ["virsh", "-c", self._uri, "event", "--all", "--loop", "--timestamp"]
        with log.open("w") as output:
            # Into a file virsh writes whole blocks; each event has to be there at once.
            process = start(
                ["stdbuf", "-oL", *words],
                env=libvirt_access(self._uri),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                yield Watch(log, names, lambda: process.poll() is None)
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@dataclass(frozen=True)
class Watch:
    """Libvirt's events so far; `listens` tells whether somebody still records them."""

    log: Path
    names: Mapping[str, str]
    listens: Callable[[], bool]

    def events(self) -> tuple[Event, ...]:
        """Return everything that has been recorded; raises HalabError when that has ended."""
        if not self.listens():
            raise HalabError(
                "nobody records libvirt's events any more", detail=self.log.read_text()
            )
        return parse_events(self.log.read_text(), self.names)


_EVENT = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+[+-]\d{4}): "
    r"event '(?P<kind>[\w-]+)' for domain '?(?P<domain>[^':\s]+)'?(?:: (?P<detail>.*))?$",
    re.MULTILINE,
)


def parse_events(text: str, names: Mapping[str, str]) -> tuple[Event, ...]:
    """Read the output of `virsh event --loop --timestamp`; `names` are machines by domain."""
    return tuple(
        Event(
            at=datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S.%f%z").timestamp(),
            machine=names[found["domain"]],
            kind=found["kind"],
            detail=found["detail"] or "",
        )
        for found in _EVENT.finditer(text)
        if found["domain"] in names
    )

"""Guests in the place of instances, through libvirt: made, changed and removed as the books say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.command import run
from hypervisor.machines import OFF
from hypervisor.machines import Machines as Domains
from hypervisor.objects import Virsh
from rehearsal import domains
from rehearsal.domains import Files, Size
from rehearsal.wanted import Guest, Volume, Wanted

FRESH_S = 0.5
"""How long, in seconds, libvirt's word for a state is believed: one answer of the API has many."""

GRACE_S = 120.0
"""Seconds after which a guest that was told to stop loses its power. AWS names no time; those who
use it report minutes."""

PENDING, RUNNING, STOPPING, STOPPED = "pending", "running", "stopping", "stopped"
"""AWS's words for the states that an instance may be in."""


@dataclass
class _Made:
    """A guest that is there; `plugged` are descriptions of what is in it, by id."""

    plugged: dict[str, str] = field(default_factory=dict)
    stopping: threading.Timer | None = None


class Machines:
    """The guests of an account. Several requests may come at once."""

    def __init__(
        self, virsh: Virsh, files: Files, size: Size, program: Callable[..., object] = run
    ) -> None:
        self._virsh, self._files, self._size, self._run = virsh, files, size, program
        self._made: dict[str, _Made] = {}
        self._sizes: dict[str, int] = {}
        self._states: Mapping[str, str] = {}
        self._read_at = float("-inf")

    def match(self, wanted: Wanted) -> None:
        """Bring all guests and their disks to what is wanted; raises CommandError."""
        guests = {guest.id: guest for guest in wanted.guests}
        for name in self._made.keys() - guests.keys():
            self._remove(name)
        self._match_volumes(wanted.volumes)
        for name, guest in guests.items():
            new = name not in self._made
            if new:
                self._define(guest)
            self._match_plugged(name, _plugged(guest, wanted, self._files))
            if new:
                self.start(name)

    def state(self, name: str) -> str:
        """Return AWS's word for the state that a guest is in."""
        made = self._made.get(name)
        if made is None:
            return PENDING
        if self._is_off(name):
            return STOPPED
        return STOPPING if made.stopping else RUNNING

    def start(self, name: str) -> None:
        """Switch a guest on; nothing happens to one that is on. Raises CommandError."""
        made = self._made[name]
        if made.stopping:
            made.stopping.cancel()
            made.stopping = None
        if self._is_off(name):
            self._virsh("start", name)
            self._forget()

    def stop(self, name: str, *, forced: bool) -> None:
        """Have a guest shut itself down, or take its power; also when that takes it too long."""
        made = self._made[name]
        if forced:
            self._cut(name)
        elif made.stopping is None and self.state(name) == RUNNING:
            made.stopping = threading.Timer(GRACE_S, self._cut, (name,))
            made.stopping.daemon = True
            made.stopping.start()
            # It may have ended by itself meanwhile.
            self._virsh("shutdown", name, check=False)

    def reset(self, name: str) -> None:
        """Let a guest that is on begin anew without a word to it."""
        if not self._is_off(name):
            self._virsh("reset", name)

    def console(self, name: str) -> str:
        """Return what a guest said on its console."""
        try:
            return self._files.console(name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def _is_off(self, name: str) -> bool:
        if time.monotonic() - self._read_at > FRESH_S:
            self._states = Domains(self._virsh, {each: each for each in self._made}).states()
            self._read_at = time.monotonic()
        return self._states.get(name, OFF) == OFF

    def _forget(self) -> None:
        self._read_at = float("-inf")

    def _cut(self, name: str) -> None:
        made = self._made.get(name)
        if made is not None:
            if made.stopping:
                made.stopping.cancel()
            Domains(self._virsh, {name: name}).destroy()
            self._forget()
            made.stopping = None

    def _define(self, guest: Guest) -> None:
        base, disk = self._files.boot / "disk.qcow2", self._files.system(guest.id)
        self._run(
            [
                *("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2"),
                *("-b", base, disk, f"{guest.root_gib}G"),
            ]
        )
        self._describe("define", domains.domain(guest, self._files, self._size))
        self._made[guest.id] = _Made()

    def _remove(self, name: str) -> None:
        self._cut(name)
        self._virsh("undefine", name)
        del self._made[name]
        for file in (self._files.system(name), self._files.console(name)):
            file.unlink(missing_ok=True)

    def _match_plugged(self, name: str, wanted: Mapping[str, str]) -> None:
        made = self._made[name]
        for identity in [each for each in made.plugged if each not in wanted]:
            self._describe("detach-device", made.plugged.pop(identity), name)
        for identity, description in wanted.items():
            if identity not in made.plugged:
                self._describe("attach-device", description, name)
                made.plugged[identity] = description

    def _match_volumes(self, volumes: tuple[Volume, ...]) -> None:
        sizes = {volume.id: volume.size_gib for volume in volumes}
        for gone in self._sizes.keys() - sizes.keys():
            self._files.volume(gone).unlink(missing_ok=True)
        for volume in volumes:
            file, before = self._files.volume(volume.id), self._sizes.get(volume.id)
            if before is None:
                self._run(["qemu-img", "create", "-q", "-f", "raw", file, f"{volume.size_gib}G"])
            elif before < volume.size_gib:
                for name in volume.attached:
                    self._virsh("blockresize", name, str(file), f"{volume.size_gib}G")
        self._sizes = sizes

    def _describe(self, verb: str, description: str, name: str | None = None) -> None:
        """Hand a description to libvirt, which reads them from files."""
        file = self._files.folder / f"{threading.get_ident()}.xml"
        file.write_text(description)
        kept = () if name is None else ("--persistent",)
        try:
            self._virsh(verb, *([name] if name else []), str(file), *kept)
        finally:
            file.unlink()


def _plugged(guest: Guest, wanted: Wanted, files: Files) -> dict[str, str]:
    ports = {port.id: domains.interface(port) for _, port in sorted(guest.ports.items())}
    disks = {
        volume.id: domains.disk(volume, guest.id, files)
        for volume in wanted.volumes
        if guest.id in volume.attached
    }
    return ports | disks

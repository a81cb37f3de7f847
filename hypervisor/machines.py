"""All machines of a lab at once, through libvirt: suspended, saved, restored, resumed together.

A cluster stands a pause of all its machines, however long. It does not stand one of a few seconds
of a single machine: that loses the token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from core.errors import CommandError
from core.folders import LabFolder
from core.wait import wait_until
from hypervisor.objects import Virsh, running_domains
from hypervisor.private import PrivateHypervisor
from inventory.record import LabRecord

RUNNING, PAUSED, OFF = "running", "paused", "shut off"
"""Libvirt's words for the states that matter here (virsh domstate)."""

SAVE_TIMEOUT_S = 600
"""For the memory of one machine; 300 to 400 MB take 3 s on a slow disk."""

SETTLE_TIMEOUT_S = 60
"""For what libvirt is still doing on behalf of a command that was killed."""


def running_machines(folder: LabFolder, record: LabRecord) -> list[str]:
    """Return the machines of a lab that have power; raises CommandError when libvirt is silent."""
    if record.private and not PrivateHypervisor(folder).is_running():
        return []
    domains = running_domains(Virsh(record.uri), record.mark)
    return [machine for machine, domain in record.domains.items() if domain in domains]


class Machines:
    """The machines of one lab, by the domains' names that libvirt knows them by."""

    def __init__(self, virsh: Virsh, domains: Mapping[str, str]) -> None:
        self._virsh = virsh
        self._domains = dict(domains)

    def states(self) -> dict[str, str]:
        """Return libvirt's word for the state of each machine that exists."""
        rows = (line.split(maxsplit=2) for line in self._virsh("list", "--all").splitlines())
        # Columns: id or -, name, state.
        found = {row[1]: row[2].strip() for row in rows if len(row) == 3}
        return {name: found[domain] for name, domain in self._domains.items() if domain in found}

    def uuids(self) -> dict[str, str]:
        """Return libvirt's own identity of each machine; raises CommandError for one not there."""
        return {name: self._virsh("domuuid", one).strip() for name, one in self._domains.items()}

    def disks(self, pool: Path) -> frozenset[Path]:
        """Return the files behind the disks of all machines; a shared one counts once.

        Disks are volumes in the pool's folder, and libvirt tells their names only.
        """
        found = set()
        for domain in self._domains.values():
            # Columns: target, source; a source may hold blanks.
            rows = (line.split(maxsplit=1) for line in self._blocks(domain))
            found |= {pool / row[1].strip() for row in rows if len(row) == 2}
        return frozenset(found)

    def suspend(self) -> None:
        """Stop the processors of all machines, within a tenth of a second; flush their disks."""
        self._all("suspend", self._domains)

    def resume(self) -> None:
        """Let every suspended machine go on, all within a tenth of a second.

        Work that libvirt still does for a killed command ends first. Raises WaitTimeout when a
        machine stays suspended.
        """

        def attempt() -> list[str]:
            paused = [name for name, state in self.states().items() if state == PAUSED]
            if paused:
                with suppress(CommandError):
                    self._all("resume", paused)
                paused = [name for name, state in self.states().items() if state == PAUSED]
            if paused:
                self.abort_jobs()
            return paused

        wait_until(
            attempt,
            lambda paused: not paused,
            what="suspended machines to go on",
            timeout=SETTLE_TIMEOUT_S,
            interval=0.5,
        )

    def abort_jobs(self) -> None:
        """End what libvirt is still doing with the machines for a command that was killed."""
        for domain in self._domains.values():
            self._virsh("domjobabort", domain, check=False)

    def save_memory(self, folder: Path) -> None:
        """Write every suspended machine's memory into NAME.memory; the machines stay suspended.

        The files are what `virsh restore` reads. Raises CommandError, for instance when the disk is
        full; the machines are as they were then.
        """

        def save(name: str) -> None:
            domain = self._domains[name]
            disks = (line.split()[0] for line in self._blocks(domain) if line.strip())
            kept = [word for disk in disks for word in ("--diskspec", f"{disk},snapshot=no")]
            # virsh(1): a comma inside a value is doubled.
            path = str(memory_file(folder, name)).replace(",", ",,")
            self._virsh(
                "snapshot-create-as",
                domain,
                "--no-metadata",
                "--memspec",
                f"file={path},snapshot=external",
                *kept,
                timeout=SAVE_TIMEOUT_S,
            )

        self._in_parallel(save)

    def load_memory(self, folder: Path, instead: Mapping[str, Path] | None = None) -> None:
        """Start every machine, suspended, with the memory that `save_memory` wrote.

        Their disks must be those of that instant. `instead` are files with descriptions (XML) for
        machines that are not described any more as they were then. Raises CommandError.
        """

        def load(name: str) -> None:
            described = ("--xml", str(instead[name])) if instead else ()
            memory = str(memory_file(folder, name))
            self._virsh("restore", memory, "--paused", *described, timeout=SAVE_TIMEOUT_S)

        self._in_parallel(load)

    def saved_description(self, folder: Path, name: str) -> str:
        """Return the description (XML) of a machine that stands in its saved memory."""
        return self._virsh("save-image-dumpxml", str(memory_file(folder, name)))

    def destroy(self) -> None:
        """Take the power of all machines away; raises WaitTimeout when one stays on."""

        def attempt() -> list[str]:
            alive = [name for name, state in self.states().items() if state != OFF]
            if alive:
                with suppress(CommandError):
                    self._all("destroy", alive)
            return [name for name, state in self.states().items() if state != OFF]

        wait_until(
            attempt,
            lambda alive: not alive,
            what="machines to be off",
            timeout=SETTLE_TIMEOUT_S,
            interval=0.5,
        )

    def start(self) -> None:
        """Switch all machines on together, as after a loss of power."""
        self._all("start", self._domains)

    def _blocks(self, domain: str) -> list[str]:
        return self._virsh("domblklist", domain).splitlines()

    def _all(self, verb: str, names: Iterable[str]) -> None:
        # One connection: processes of their own would start up to a second apart on a busy host.
        self._virsh("; ".join(f"{verb} {self._domains[name]}" for name in names))

    def _in_parallel(self, action: Callable[[str], object]) -> None:
        with ThreadPoolExecutor(len(self._domains)) as pool:
            list(pool.map(action, self._domains))


def memory_file(folder: Path, machine: str) -> Path:
    """Return the path of a machine's memory in a snapshot's folder."""
    return folder / f"{machine}.memory"

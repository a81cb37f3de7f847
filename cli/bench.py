"""`halab bench`: what a lab costs here, in seconds and memory, beside bare QEMU."""

from __future__ import annotations

import sys
import threading
import time
from typing import Annotated

import typer
from rich.console import Console

from cli.claims import check_removable, claimed, put_away
from cli.progress import Progress
from cli.tables import plain_table
from cli.testing import DEFINITIONS, lab_file
from core.command import run
from core.environment import for_halab
from core.errors import HalabError
from core.folders import LabFolder
from drills.failover import measure_power_loss, words
from drills.site import Site
from hypervisor.acceleration import probe
from hypervisor.bare import Guest, time_boot
from hypervisor.image import ensure, recipe_of
from hypervisor.private import PrivateHypervisor
from labs.addressing import machines
from labs.loading import load
from labs.model import Lab
from labs.roles import MachineRole

COMMAND = "halab bench"

UP_AGAINST_BOOT = 1.5
"""How much longer than the bare boot `up` is meant to take."""

SAMPLE_S = 1.0

COMMAND_S = 3600
"""A bound for one command; `up` with cold caches builds images and the toolchain first."""


def bench(
    lab: Annotated[
        str, typer.Option(help=f"Which of the labs of the tests: {', '.join(DEFINITIONS)}.")
    ] = "active-passive",
    failover: Annotated[bool, typer.Option(help="Measure a power loss too.")] = True,
) -> None:
    """Measure bare boot, `up`, reset, memory and failover; prints and asserts nothing."""
    file, progress = str(lab_file(lab)), Progress()
    definition = load(file)
    name, guests = definition.name, len(machines(definition))
    if check_removable(name, COMMAND):
        put_away(name, lambda: _halab("down", name))
    table = plain_table("what", "measured", "beside", title=lab)
    with progress.step("Booting the same guests by bare QEMU"):
        boot = _bare_boot(definition)
    table.add_row(f"{guests} guests by bare QEMU until ssh", f"{boot:.0f} s", "")

    def take_away() -> None:
        with progress.step("halab down"):
            table.add_row("down", f"{_timed('down', name):.0f} s", "")

    with claimed(name, COMMAND, take_away, keep=False):
        with progress.step("halab up"), _Memory(LabFolder.of(name)) as memory:
            first = _timed("up", "--cold", file)
        table.add_row(
            "up until healthy",
            f"{first:.0f} s",
            f"{first / boot:.2f} x bare boot (aim {UP_AGAINST_BOOT})",
        )
        with progress.step("halab up, again"):
            table.add_row("second up", f"{_timed('up', file):.0f} s", "")
        with progress.step("halab snapshot, halab reset"):
            kept, back = _timed("snapshot", name, "bench"), _timed("reset", name)
        table.add_row("snapshot of the running lab", f"{kept:.0f} s", "")
        table.add_row("reset until healthy", f"{back:.0f} s", "")
        if failover:
            with progress.step("Power loss of the active node") as step:
                result = measure_power_loss(Site.of(LabFolder.of(name)), step)
            for line in words(result):
                table.add_row("power loss", line, "")
        table.add_row("peak memory of the lab", f"{memory.peak_mib} MiB", "proportional set size")
    Console(highlight=False, soft_wrap=True).print(table)


def _bare_boot(lab: Lab) -> float:
    images = {role: ensure(recipe_of(role, lab.kernel(role))) for role in MachineRole}
    node = images[MachineRole.NODE]
    accelerated = probe(node.kernel, node.initrd).accelerated
    guests = [
        Guest(plan.name, images[plan.role], plan.memory_mib, plan.cpus) for plan in machines(lab)
    ]
    return time_boot(guests, accelerated, lab.timing(accelerated).boot_wait_s)


def _timed(*words: str) -> float:
    began = time.monotonic()
    _halab(*words)
    return time.monotonic() - began


def _halab(*words: str) -> None:
    command = [sys.executable, "-P", "-m", "cli", *words]
    done = run(command, timeout=COMMAND_S, check=False, env=for_halab())
    if done.returncode != 0:
        raise HalabError(f"`./halab {' '.join(words)}` failed", detail=done.stderr)


class _Memory:
    """Samples the memory of a lab's process tree; shared pages count once (proc(5), Pss)."""

    def __init__(self, folder: LabFolder) -> None:
        self._hypervisor = PrivateHypervisor(folder)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak_mib = 0

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(SAMPLE_S):
            total = sum(_pss_kib(pid) for pid in self._hypervisor.processes())
            self.peak_mib = max(self.peak_mib, total // 1024)


def _pss_kib(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0

"""What this machine can do, and what to do about what it cannot. Only looks; takes seconds."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.environment import user_name
from core.errors import HalabError
from core.folders import cache_folder, existing, state_folder
from hypervisor import acceleration
from hypervisor.distribution import this_distribution
from hypervisor.image import ROOM_MIB, Recipe, cached
from hypervisor.kept_labs import limit_bytes
from hypervisor.namespaces import check_namespaces
from hypervisor.origins import wanted_origins
from hypervisor.packages import (
    NEEDS,
    Shortage,
    authorize,
    describe,
    find_program,
    find_shortages,
    missing_packages,
    version_of,
)
from hypervisor.toolchain import find_toolchain
from hypervisor.workplace import find_workplace

TOOLCHAIN_BUILD_MIB = 7 * 1024
"""Disk for Go's module and build caches after a build of the toolchain with cold caches."""


class Verdict(StrEnum):
    """How a finding bears on building a lab."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Needs:
    """What a lab takes: memory of all guests, size of their disks, virtual processors.

    `images` are what guests are made from, that of the nodes first. `more` says that memory and
    disk are what a lab that exists takes besides what it has.
    """

    memory_mib: int
    disk_mib: int
    cores: int
    images: tuple[Recipe, ...]
    more: bool = False

    @property
    def missing_images(self) -> tuple[Recipe, ...]:
        """What has to be built first."""
        return tuple(recipe for recipe in self.images if cached(recipe) is None)


ELSEWHERE = "point XDG_STATE_HOME or XDG_CACHE_HOME elsewhere"


@dataclass(frozen=True)
class Finding:
    """One fact about this machine; `remedy` says what a person can do about it."""

    name: str
    verdict: Verdict
    fact: str
    remedy: str | None = None


def examine(needs: Needs) -> list[Finding]:
    """Look at everything that a lab with these needs depends on; changes nothing.

    A lab without guests here needs no hypervisor.
    """
    shortages = find_shortages()
    common = [_system(), _user(), *_settings(), *_disks(needs)]
    common += [_workplace(needs), _programs(shortages)]
    if not needs.cores:
        return [*common, _toolchain()]
    namespaces = _namespaces(shortages)
    guests = [_processors(needs), _memory(needs), namespaces, _acceleration(namespaces, needs)]
    return [*common, *guests, _toolchain()]


def refuse(findings: Iterable[Finding]) -> None:
    """Raise one HalabError that lists every error among the findings with its remedy."""
    errors = [finding for finding in findings if finding.verdict is Verdict.ERROR]
    if not errors:
        return
    lines = []
    for finding in errors:
        lines.append(f"{finding.name}: {finding.fact}")
        if finding.remedy:
            lines.append(f"  {finding.remedy}")
    raise HalabError(
        "this machine cannot run the lab as it is",
        detail="\n".join(lines),
        hint="`./halab doctor` shows everything that was looked at",
    )


def _system() -> Finding:
    fact = f"{this_distribution().name}, {platform.machine()}"
    if platform.machine() != "x86_64":
        return Finding("system", Verdict.ERROR, fact, "halab's guests are x86-64; use such a host")
    return Finding("system", Verdict.OK, fact)


def _user() -> Finding:
    try:
        return Finding("user", Verdict.OK, user_name())
    except HalabError as error:
        return Finding("user", Verdict.ERROR, error.message, error.hint)


def _settings() -> Iterator[Finding]:
    """Yield what is wrong with variables that a person has set; `up` needs them minutes later."""
    for check in (acceleration.forced, limit_bytes):
        try:
            check()
        except HalabError as error:
            yield Finding("settings", Verdict.ERROR, error.message, error.hint)


def _processors(needs: Needs) -> Finding:
    available = len(os.sched_getaffinity(0))
    fact = f"{available} available, the lab's machines have {needs.cores} together"
    # Sharing is slower and nothing worse: clocks of guests do not stop.
    if available * 2 < needs.cores:
        return Finding("processors", Verdict.WARNING, fact, "expect everything to be slow")
    return Finding("processors", Verdict.OK, fact)


def _memory(needs: Needs) -> Finding:
    available = _available_memory_mib()
    more = " more" if needs.more else ""
    fact = f"{available} MiB available, the lab takes {needs.memory_mib} MiB{more}"
    if available >= needs.memory_mib:
        return Finding("memory", Verdict.OK, fact)
    remedy = "end other programs or labs (`./halab list`), or give the lab's machines less memory"
    return Finding("memory", Verdict.ERROR, fact, remedy)


def _available_memory_mib() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    available = kib["MemAvailable"] // 1024
    # In a container the limit is narrower than the machine (cgroup v2).
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and (most := limit.read_text().strip()) != "max":
        available = min(available, (int(most) - int(used.read_text())) >> 20)
    return available


def _disks(needs: Needs) -> list[Finding]:
    wanted = {state_folder(): needs.disk_mib, cache_folder(): _cache_mib(needs)}
    devices: dict[int, list[Path]] = {}
    for folder in wanted:
        devices.setdefault(existing(folder).stat().st_dev, []).append(folder)
    findings = []
    for folders in devices.values():
        free = shutil.disk_usage(existing(folders[0])).free >> 20
        size = sum(wanted[folder] for folder in folders)
        names = " and ".join(map(str, folders))
        fact = f"{free} MiB free for {names}, up to {size} MiB are needed"
        locked = [folder for folder in folders if not os.access(existing(folder), os.W_OK)]
        if locked:
            fact = f"nobody may write here: {' and '.join(map(str, locked))}"
            remedy = f"make it writable, or {ELSEWHERE}"
            findings.append(Finding("disk", Verdict.ERROR, fact, remedy))
        elif free >= size:
            findings.append(Finding("disk", Verdict.OK, fact))
        else:
            remedy = f"free some space, or {ELSEWHERE}"
            findings.append(Finding("disk", Verdict.ERROR, fact, remedy))
    return findings


def _workplace(needs: Needs) -> Finding:
    try:
        return Finding("tmp", Verdict.OK, f"guest images can be built in {find_workplace()}")
    except HalabError as error:
        fact = f"{error.message} ({error.detail})".replace("\n", "; ")
        verdict = Verdict.ERROR if needs.missing_images else Verdict.WARNING
        return Finding("tmp", verdict, fact, error.hint)


def _cache_mib(needs: Needs) -> int:
    images = ROOM_MIB * len(needs.missing_images)
    # Go's caches are usually on the same disk as ours.
    building = wanted_origins() == ("build",) and find_toolchain() is None
    return images + (TOOLCHAIN_BUILD_MIB if building else 0)


def _programs(shortages: list[Shortage]) -> Finding:
    if not shortages:
        named = {"QEMU": "qemu-system-x86_64", "libvirt": "libvirtd"}
        found = {name: find_program(program) for name, program in named.items()}
        versions = [
            f"{name} {'.'.join(map(str, version_of(program)))}"
            for name, program in found.items()
            if program
        ]
        return Finding("programs", Verdict.OK, f"all {len(NEEDS)} present, {', '.join(versions)}")
    fact = f"missing: {describe(shortages)}".replace("\n", "; ")
    try:
        authorize(shortages, ask=False)
    except HalabError as error:
        return Finding("programs", Verdict.ERROR, f"{error.message}; {fact}", error.hint)
    packages = " ".join(missing_packages(shortages))
    return Finding("programs", Verdict.WARNING, fact, f"`up` installs {packages}")


def _namespaces(shortages: list[Shortage]) -> Finding:
    if {shortage.need.package for shortage in shortages} & {"uidmap", "util-linux", "iproute2"}:
        fact = "can be tried once the missing programs are there"
        return Finding("namespaces", Verdict.WARNING, fact)
    try:
        check_namespaces()
    except HalabError as error:
        fact = f"{error.message}: {error.detail}" if error.detail else error.message
        return Finding("namespaces", Verdict.ERROR, fact, error.hint)
    who = "as root" if os.geteuid() == 0 else "without root"
    return Finding("namespaces", Verdict.OK, f"a private hypervisor can run {who}")


def _acceleration(namespaces: Finding, needs: Needs) -> Finding:
    if namespaces.verdict is Verdict.ERROR:
        return Finding("acceleration", Verdict.OK, "KVM is tried when there are namespaces")
    image = cached(needs.images[0]) if needs.images else None
    if image is None:
        fact = "is tried when the first guest image has been built"
        return Finding("acceleration", Verdict.OK, f"KVM {fact}")
    look: Callable[[], acceleration.Acceleration | None] = (
        (lambda: acceleration.probe(image.kernel, image.initrd))
        if acceleration.OVERRIDE in os.environ
        else (lambda: acceleration.remembered(image.kernel))
    )
    try:
        known = look()
    except HalabError as error:
        return Finding("acceleration", Verdict.WARNING, error.message, error.hint)
    if known is None:
        return Finding("acceleration", Verdict.OK, "KVM is tried at the next `up`")
    if known.accelerated:
        return Finding("acceleration", Verdict.OK, f"KVM: {known.reason}")
    fact = f"software emulation: {known.reason}"
    return Finding("acceleration", Verdict.WARNING, fact, "labs work, they are only slower")


def _toolchain() -> Finding:
    try:
        found = find_toolchain()
        origins = wanted_origins()
    except HalabError as error:
        return Finding("toolchain", Verdict.ERROR, error.message, error.hint)
    if found:
        return Finding("toolchain", Verdict.OK, f"{found.pulumi} ({found.origin})")
    if origins == ("path",):
        remedy = "install pulumi and its libvirt plugin, or unset HALAB_TOOLCHAIN"
        return Finding("toolchain", Verdict.ERROR, "no suitable pulumi on PATH", remedy)
    ways = {
        "download": "downloads it (1 min)",
        "build": "builds it from Go modules (9 min on two cores, once)",
    }
    plan = "`up` " + " or ".join(ways[origin] for origin in origins if origin in ways)
    return Finding("toolchain", Verdict.WARNING, "not there yet", plan)

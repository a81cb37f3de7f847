"""What is done to the packages of one node; whether it may be touched is for others to say."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from core.errors import CommandError, HalabError
from machines.remote import Remote
from parts.host import File
from provisioning.files import ensure_files, run_script, script
from provisioning.packages import INSTALL_TIMEOUT
from updates.apt import (
    KERNEL,
    KERNELS,
    Change,
    parse_removals,
    parse_simulation,
    security_names,
)
from updates.note import FOLDER, PATH, Goal, Note, parse_note

UNIT = "halab-update"
"""The transient unit in which apt works: it outlives a connection that breaks."""

BOOT_LOADER = "/boot/grub"
"""Is there where a boot loader of the machine's own decides which kernel runs, as on AWS."""

BOOT_PROGRAM = "/usr/lib/halab/boot-kernel"
"""What looks for a kernel on the disks of other guests (hypervisor/recipe/boot_kernel.py)."""

GIVEN, KEPT = f"{FOLDER}/given", f"{FOLDER}/kept"
"""Packages that a person gave, and those that were installed before the update."""

_LOG = f"{FOLDER}/apt.log"
_INSTALL = f"{FOLDER}/install.sh"
_TRY = "apt-get --simulate --no-remove --no-install-recommends"
LOG_LINES = 30

APT_TIMEOUT = 300.0
"""Seconds for a question to apt, which may have to read all lists of packages anew first: a minute
and more on a machine that is busy."""


LOCK_TIMEOUT_S = 300
"""How long apt waits for another apt on the node, in seconds."""


@dataclass(frozen=True)
class Wanted:
    """Which updates a person wants: all, those of some packages, or those that security needs.

    They come from a folder of packages, or from where apt on the nodes has them.
    """

    packages: tuple[str, ...] = ()
    security: bool = False
    folder: Path | None = None


def read_note(remote: Remote) -> Note | None:
    """Return the node's note of its last update; raises HalabError for one that says nothing."""
    return parse_note(remote.run(f"cat {PATH} 2>/dev/null || :").stdout, remote.name)


def write_note(remote: Remote, note: Note) -> None:
    """Have the node keep a note, on its disk before this returns."""
    ensure_files(remote, (File(PATH, note.model_dump_json(indent=1) + "\n"),))


def forget(remote: Remote) -> None:
    """Remove the node's note and the packages that it kept."""
    remote.run(f"rm -rf {FOLDER}")


def offered(remote: Remote, wanted: Wanted) -> tuple[Change, ...]:
    """Return what the node's apt would change; nothing on the node changes but apt's lists.

    Raises HalabError when apt has no source, reaches none, or cannot do what is wanted.
    """
    if wanted.folder is not None:
        _give(remote, wanted.folder)
    source = GIVEN if wanted.folder is not None else None
    _refresh(remote, source)
    names = wanted.packages
    if wanted.security:
        found = security_names(_simulate(remote, source, names))
        if not found:
            return ()
        names = found
    return _simulate(remote, source, names)


def present(remote: Remote, note: Note) -> dict[str, str]:
    """Return the versions that a node has of the packages in a note, by their names."""
    names = shlex.join(change.name for change in note.changes)
    shown = "${Package} ${Version} ${db:Status-Status}\\n"
    asked = f"dpkg-query --show --showformat '{shown}' {names} 2>/dev/null || :"
    rows = (line.split() for line in remote.run(asked).stdout.splitlines())
    # What was removed may have left its configuration, and a state.
    return {row[0]: row[1] for row in rows if len(row) == 3 and row[2] != "config-files"}


def keep(remote: Remote, note: Note) -> None:
    """Pack what the update is about to replace, unless the node has kept it already."""
    done = f"{KEPT}/versions"
    kept = remote.run(f"cat {done} 2>/dev/null || :").stdout.split()
    old = {f"{change.name}={change.old}": change.name for change in note.changes if change.old}
    if not set(kept) & set(old):
        # Of an update before this one, which cannot be taken back any more.
        remote.run(f"rm -rf {PATH} {KEPT}")
        kept = []
    missing = [version for version in old if version not in kept]
    if missing:
        names = (old[version] for version in missing)
        run_script(remote, "repack.sh", KEPT, *names, timeout=INSTALL_TIMEOUT)
        _make_source(remote, KEPT)
        ensure_files(remote, (File(done, "\n".join((*kept, *missing, ""))),))


def fetch(remote: Remote, note: Note, source: str | None) -> None:
    """Download what will be installed, while the node still serves.

    What dpkg was interrupted at when a node lost its power is ended before.
    """
    run_script(remote, "install.sh", timeout=INSTALL_TIMEOUT)
    _refresh(remote, source)
    options = f"-o DPkg::Lock::Timeout={LOCK_TIMEOUT_S}"
    words = f"install --no-install-recommends {shlex.join(_words(note))}"
    if note.removals:
        command = f"LC_ALL=C apt-get --simulate {words}"
        told = remote.run(_with(source, command), timeout=INSTALL_TIMEOUT).stdout
        if more := parse_removals(told) - note.removals:
            raise HalabError(
                f"apt on {remote.name} would remove {', '.join(sorted(more))} as well",
                hint="what was there before the update, or came after it, is never removed: "
                "remove by hand what may go, and run this again",
            )
    command = f"apt-get -q -y --download-only {options} {words}"
    remote.run(_with(source, command), timeout=INSTALL_TIMEOUT)


def install(remote: Remote, note: Note, source: str | None) -> None:
    """Install exactly the noted versions; no daemon starts, and files that were changed stay.

    Raises CommandError with the end of apt's output.
    """
    words = _words(note)
    names = shlex.join(change.name for change in note.steps if change.new is not None)
    ensure_files(remote, (File(_INSTALL, f"#!/bin/sh -eu\n{script('install.sh')}", mode=0o755),))
    # What a dependency brought in stays what goes with it: apt takes a named package for wanted.
    marked = remote.run(f"apt-mark showauto {names}", timeout=APT_TIMEOUT)
    automatic = marked.stdout.split()
    unit = (
        *("systemd-run", "--quiet", "--wait", "--collect", f"--unit={UNIT}"),
        *(() if source is None else (f"--setenv=APT_CONFIG={source}/apt.conf",)),
        *(f"--property=Standard{name}=append:{_LOG}" for name in ("Output", "Error")),
        *(_INSTALL, *words),
    )
    done = remote.run(
        f"rm -f {_LOG}\n{shlex.join(unit)}", check=False, timeout=INSTALL_TIMEOUT + 60
    )
    if done.status != 0:
        told = remote.run(f"tail -n {LOG_LINES} {_LOG}", check=False).stdout
        raise CommandError(
            shlex.join(("apt-get", "install", *words)),
            status=done.status,
            stdout=told,
            stderr=done.stderr,
            host=remote.name,
        )
    if automatic:
        remote.run(f"apt-mark auto {shlex.join(automatic)}", timeout=APT_TIMEOUT)


def way_back(remote: Remote, note: Note) -> Note:
    """Return a node's note with what of its update can be taken back there.

    What had come goes, where it is there. A kernel stays where a boot loader of the machine's own
    boots the newest, or the one that ran before is unknown or gone; and with it all that it needs.
    """
    there = present(remote, note)
    bound = bool(note.new_kernels) and not (note.kernel and _can_choose(remote, note.kernel))
    staying = tuple(
        change.name
        for change in note.changes
        if (bound and change.name.startswith(KERNELS))
        or (change.old is None and change.name not in there)
    )
    return note.model_copy(update={"staying": staying})


def _can_choose(remote: Remote, kernel: str) -> bool:
    asked = f"! test -d {BOOT_LOADER} && test -e /boot/vmlinuz-{kernel}"
    return remote.run(asked, check=False).status == 0


def check_boot(remote: Remote, note: Note) -> None:
    """Raise HalabError where a node would never boot a kernel that it gets: it is too old a guest.

    Somebody has to look at the disk for one: a boot loader, or the program of halab's images.
    """
    if not note.new_kernels:
        return
    asked = f"test -d {BOOT_LOADER} || test -x {BOOT_PROGRAM}"
    if remote.run(asked, check=False).status != 0:
        raise HalabError(
            f"{remote.name} boots the kernel of its image alone: an older halab has built it",
            hint="build the lab anew (`down`, `up`), or leave the kernel out with --packages; "
            "nothing was changed on it",
        )


def running_kernel(remote: Remote) -> str:
    """Return the version of the kernel that runs, as files of kernels are named by it."""
    return remote.run("uname -r").stdout.strip()


def leave_kernel(remote: Remote, note: Note) -> bool:
    """Tell whether a node runs a kernel that has to go: none can be removed while it runs.

    Its next boot then ends in the one that ran before, by Debian's links to a kernel.
    """
    if note.kernel is None or not note.removals:
        return False
    if f"{KERNEL}{running_kernel(remote)}" not in note.removals:
        return False
    links = ("vmlinuz", "initrd.img")
    remote.run("\n".join(f"ln -sfT boot/{name}-{note.kernel} /{name}" for name in links))
    return True


def check_kernel(remote: Remote) -> None:
    """Raise HalabError when a node that has booted runs another kernel than Debian's link names.

    A boot loader of the machine's own goes by its own list, and not by that link.
    """
    asked = f"test -d {BOOT_LOADER} || readlink /vmlinuz || :"
    running, link = running_kernel(remote), remote.run(asked).stdout.strip()
    named = link.rpartition("/")[2].removeprefix("vmlinuz-")
    if named not in ("", running):
        raise HalabError(
            f"{remote.name} has booted into kernel {running}, and not into {named}, which it has",
            hint=f"the console of {remote.name} tells why",
        )


def source_of(note: Note, wanted: Wanted) -> str | None:
    """Return the folder on the node that packages come from; None stands for apt's own sources."""
    if note.goal is Goal.OLD:
        return KEPT
    return None if wanted.folder is None else GIVEN


def _words(note: Note) -> tuple[str, ...]:
    """Return what apt-get install is told; nothing goes by the way."""
    never = () if note.removals else ("--no-remove",)
    return (*never, "--allow-downgrades", *(step.word for step in note.steps))


def _with(source: str | None, command: str) -> str:
    return command if source is None else f"APT_CONFIG={source}/apt.conf {command}"


def packages_in(folder: Path) -> list[Path]:
    """Return the packages of a folder; raises HalabError without any, OSError if it hides them."""
    packages = sorted(path for path in folder.iterdir() if path.suffix == ".deb")
    if not packages:
        raise HalabError(
            f"{folder} holds no package",
            hint="--from wants a folder with *.deb files: `apt-get download NAME` fetches one",
        )
    return packages


def _give(remote: Remote, folder: Path) -> None:
    """Copy a folder's packages to the node, in the place of those that it was given before."""
    packages = packages_in(folder)
    remote.run(f"rm -rf {GIVEN}")
    for package in packages:
        ensure_files(remote, (File(f"{GIVEN}/{package.name}", package.read_bytes()),))
    _make_source(remote, GIVEN)


def _make_source(remote: Remote, folder: str) -> None:
    """Let apt install from a folder of the node, and from nowhere else.

    What the folder holds came over ssh, or from the node itself: there is nothing to sign.
    """
    settings = {
        "Dir::Etc::SourceList": f"{folder}/sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Get::List-Cleanup": "0",
        "APT::Sandbox::User": "root",
    }
    words = "".join(f'{key} "{value}";\n' for key, value in settings.items())
    ensure_files(
        remote,
        (
            File(f"{folder}/sources.list", f"deb [trusted=yes] file:{folder} ./\n"),
            File(f"{folder}/apt.conf", words),
        ),
    )
    run_script(remote, "index_packages.sh", folder, timeout=INSTALL_TIMEOUT)


def _refresh(remote: Remote, source: str | None) -> None:
    hint = (
        "give a folder of *.deb files with --from FOLDER, or the node a source that it reaches; "
        "nothing was changed"
    )
    try:
        remote.run(_with(source, "apt-get -q update --error-on=any"), timeout=INSTALL_TIMEOUT)
    except CommandError as error:
        if "Could not get lock" in (error.detail or ""):
            raise HalabError(
                f"another apt is at work on {remote.name}",
                detail=error.detail,
                hint="run this again when it has ended; nothing was changed",
            ) from error
        raise HalabError(
            f"apt on {remote.name} does not reach its package sources",
            detail=error.detail,
            hint=hint,
        ) from error
    # Only of what was fetched it tells, and without a source there is nothing to fail.
    asked = _with(source, "apt-get indextargets --format '$(URI)'")
    if not remote.run(asked, timeout=APT_TIMEOUT).stdout.strip():
        raise HalabError(f"apt on {remote.name} has no package sources", hint=hint)


def _simulate(remote: Remote, source: str | None, names: Collection[str]) -> tuple[Change, ...]:
    verb = f"--only-upgrade install {shlex.join(names)}" if names else "--with-new-pkgs upgrade"
    command = _with(source, f"LC_ALL=C {_TRY} {verb}")
    try:
        return parse_simulation(remote.run(command, timeout=INSTALL_TIMEOUT).stdout)
    except CommandError as error:
        raise HalabError(
            f"apt on {remote.name} cannot update {', '.join(names) or 'its packages'}",
            detail=error.detail,
            hint="packages are never removed by an update; nothing was changed",
        ) from error

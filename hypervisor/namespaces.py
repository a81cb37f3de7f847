"""Namespaces of one's own, made without root: the words for them, and whether they work here.

Whether they work is found out by making them and using what a private hypervisor uses. Versions
and settings do not tell: AppArmor can let a namespace be made and take every right away in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.command import run, start
from core.environment import user_name
from core.errors import HalabError

AS_ROOT_OF_ITS_OWN = ("unshare", "--user", "--map-root-user", "--map-auto")
"""util-linux 2.38 is the first with --map-auto."""

TRIAL_TIMEOUT_S = 30
REMOVE_TIMEOUT_S = 120

TROUBLE = "docs/troubleshooting.md says how to make it stay"


@dataclass(frozen=True)
class Step:
    """What a private hypervisor does in its namespaces, and what helps where it cannot."""

    command: str
    remedy: str


CONTAINER = (
    "in a container start it with all rights (docker run --privileged); elsewhere see "
    "`sudo journalctl --dmesg --grep apparmor`"
)
STEPS = (
    Step("mount -t proc proc /proc && mount -t tmpfs tmpfs /run", CONTAINER),
    Step("ip link set lo up", CONTAINER),
    Step("ip link add name halab-try type bridge", "load the module: sudo modprobe bridge"),
    Step(
        "ip tuntap add dev halab-tap mode tap",
        "load the module: sudo modprobe tun; a container needs --device /dev/net/tun",
    ),
)
FIRST_STATUS = 100
"""Exit status of a trial whose first step fails, the others follow; unshare itself fails with 1."""


@dataclass(frozen=True)
class Ban:
    """A setting of this machine that forbids namespaces, and the command that lifts it.

    `forbidding` is what the file holds when it forbids; None when its being there is enough.
    `binds_root` tells whether root is forbidden too.
    """

    file: Path
    forbidding: str | None
    lifted_by: str
    binds_root: bool = False

    def holds(self) -> bool:
        """Tell whether it is in force on this machine."""
        if self.forbidding is None:
            disabled = self.file.parent / "disable" / self.file.name
            return self.file.exists() and not disabled.exists()
        with suppress(OSError):
            return self.file.read_text().strip() == self.forbidding
        return False


BANS = (
    # Ubuntu since 24.04: a namespace can be made, and has no rights.
    Ban(
        Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    # Ubuntu since 25.04: unshare keeps its rights, what it starts loses them, root's as well.
    Ban(
        Path("/etc/apparmor.d/unshare-userns-restrict"),
        None,
        "apparmor_parser --remove /etc/apparmor.d/unshare-userns-restrict",
        binds_root=True,
    ),
    # Debian before 11, and hardened hosts.
    Ban(
        Path("/proc/sys/kernel/unprivileged_userns_clone"),
        "0",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    Ban(
        Path("/proc/sys/user/max_user_namespaces"),
        "0",
        "sysctl -w user.max_user_namespaces=31000",
    ),
)


def as_root_of_its_own(command: Sequence[str | Path]) -> list[str | Path]:
    """Run as root, or as the root of a user namespace in which the user's subuids are known."""
    return list(command) if os.geteuid() == 0 else [*AS_ROOT_OF_ITS_OWN, "--", *command]


def in_private_namespaces(command: Sequence[str | Path]) -> list[str | Path]:
    """Run as the first process of networks, mounts and processes of its own, as their root."""
    unshare = ("unshare",) if os.geteuid() == 0 else AS_ROOT_OF_ITS_OWN
    return [*unshare, "--net", "--mount", "--pid", "--fork", "--kill-child", "--", *command]


def remove_folder(folder: Path) -> None:
    """Remove a folder in which files may belong to ids that only a user namespace knows.

    Raises HalabError when some of it has to stay.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        check_namespaces()
        run(as_root_of_its_own(["rm", "-rf", "--", folder]), timeout=REMOVE_TIMEOUT_S)


def check_namespaces() -> None:
    """Raise HalabError, with what to do about it, when a private hypervisor could not live here."""
    script = "\n".join(
        f"{{ {step.command}; }} || exit {status}" for status, step in enumerate(STEPS, FIRST_STATUS)
    )
    status, said = _try(in_private_namespaces(["sh", "-c", script]))
    if status == 0:
        return
    failed = (status or 0) - FIRST_STATUS
    step = STEPS[failed] if 0 <= failed < len(STEPS) else None
    what = "nothing happened" if status is None else f"unshare exited with {status}"
    raise HalabError(
        "a private hypervisor needs namespaces of its own, with all rights in them",
        detail=f"{step.command}: {said}" if step else said or what,
        hint=_remedy(step),
    )


def _try(command: Sequence[str | Path]) -> tuple[int | None, str]:
    """Return exit status and output; the status is None when it did not end in time."""
    with tempfile.TemporaryFile() as output:
        process = start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            status = process.wait(TRIAL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            # unshare's own helper waits for ever for one that could not make its namespace.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return status, output.read().decode(errors="replace").strip()


def _remedy(step: Step | None) -> str:
    root = os.geteuid() == 0
    if not root and shutil.which("newuidmap") is None:
        return "install newuidmap: sudo apt-get install uidmap (Fedora: shadow-utils)"
    if not root and not _has_range():
        return (
            "give the user a range of ids: sudo usermod --add-subuids 100000-165535 "
            f"--add-subgids 100000-165535 {user_name()}"
        )
    bans = [ban for ban in BANS if ban.holds() and (ban.binds_root or not root)]
    if bans:
        lifted = " && ".join(f"sudo {ban.lifted_by}" for ban in bans)
        hint = f"lift the ban until this machine starts again: {lifted} ({TROUBLE})"
        if root or any(ban.binds_root for ban in bans):
            return hint
        return f"{hint}; or run halab as root, which is not banned: sudo ./halab ..."
    if step is not None:
        return step.remedy
    return CONTAINER if root else f"run halab as root: sudo ./halab ...; {CONTAINER}"


def _has_range() -> bool:
    names = (f"{user_name()}:", f"{os.getuid()}:")
    return all(
        any(line.startswith(names) for line in _lines(Path(file)))
        for file in ("/etc/subuid", "/etc/subgid")
    )


def _lines(file: Path) -> list[str]:
    with suppress(OSError):
        return file.read_text().splitlines()
    return []

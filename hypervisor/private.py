"""A hypervisor of one's own: libvirtd, its networks and guests in private namespaces.

Ending one process ends all of it. An ordinary user needs no root for it, where the kernel allows
user namespaces; root runs the same tree without one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from core.command import run, start
from core.errors import CommandError, HalabError
from core.files import write_file
from core.folders import LabFolder
from core.processes import Identity, all_processes, children, command_of, descendants
from core.saying import Say
from core.wait import wait_until
from hypervisor.namespaces import check_namespaces, in_private_namespaces, remove_folder

INSIDE = Path(__file__).parent / "inside"

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30

ENTER = "--net --pid"
"""Namespaces that visitors enter: the networks, and the processes, so that the kernel ends them
with the hypervisor. A forgotten ssh connection would otherwise keep its bridges alive."""

SOCKET_PATH_LIMIT = 107
"""Longest path of a unix socket, in bytes (unix(7): sun_path holds 108 with its end)."""

LIBVIRTD_CONF = '''\
unix_sock_dir = """{sockets}"""
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
'''
"""libvirt takes a string in three quotes as it is, also with quotes in it (its virconf.c)."""

QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = [ ]
namespaces = [ ]
dynamic_ownership = 0
remember_owner = 0
max_core = 0
"""
"""max_core: by default libvirt lifts the limit, which an ordinary user may not do."""


class PrivateHypervisor:
    """The private hypervisor of one lab."""

    def __init__(self, folder: LabFolder) -> None:
        self._lab = folder
        self._folder = folder.hypervisor

    @cached_property
    def sockets(self) -> Path:
        """The folder of libvirt's sockets; a short one elsewhere where the lab's path is long."""
        near = self._folder / "run"
        if len(os.fsencode(near / "libvirt-admin-sock")) <= SOCKET_PATH_LIMIT:
            return near
        digest = hashlib.sha256(str(self._folder).encode()).hexdigest()[:12]
        return Path(f"/tmp/halab-{os.getuid()}-{digest}")

    @property
    def uri(self) -> str:
        """The libvirt URI of this hypervisor, usable by the user who started it."""
        return f"qemu:///system?socket={quote(str(self.sockets / 'libvirt-sock'))}"

    def start(self, report: Say = lambda _: None) -> None:
        """Start the hypervisor unless it runs; there is never a second one beside the first.

        Raises HalabError when namespaces are forbidden or libvirtd does not come up, and when one
        runs whose folder is gone.
        """
        first = self._first()
        if first is not None:
            self.check_whole()
            self._remember_inside(first)
            return
        check_namespaces()
        report("starting a private libvirtd")
        self._write_configuration()
        with (self._folder / "hypervisor.log").open("a") as log:
            process = start(
                in_private_namespaces([INSIDE, self._folder]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path("/"),
                start_new_session=True,
            )
        try:
            self._wait_until_up(process)
        except BaseException:
            self.stop()
            raise

    def is_running(self) -> bool:
        """Tell whether the process tree of this hypervisor is there."""
        return self._first() is not None

    def check_whole(self) -> None:
        """Raise HalabError when the hypervisor runs and what it stands on was removed."""
        needed = (self._folder / "libvirtd.conf", self.sockets / "libvirt-sock")
        missing = [path for path in needed if not path.exists()]
        if self.is_running() and missing:
            count = len(self.guests())
            raise HalabError(
                f"{count} {'machine' if count == 1 else 'machines'} of lab {self._lab.name!r} "
                f"{'runs' if count == 1 else 'run'} without the folder that the lab was made in",
                detail="missing: " + ", ".join(map(str, missing)),
                hint=f"`./halab down {self._lab.name}` ends them; then `up` builds the lab anew",
            )

    def stop(self) -> None:
        """End guests, daemons, bridges and mounts, all by ending the first process.

        Raises WaitTimeout when a process does not go, HalabError when it is another user's.
        """
        while (first := self._first()) is not None:
            _end(first)
        if self.sockets.parent != self._folder and _is_own_folder(self.sockets):
            shutil.rmtree(self.sockets, ignore_errors=True)

    def proxy_command(self) -> str:
        """Return ssh's ProxyCommand into the management network (ssh_config(5): %h and %p).

        It asks for the process at each use, so that it outlives a restart of the hypervisor. ssh
        gives it to the person's shell, of whatever family: only `sh` shall have to understand it.
        """
        file = shlex.quote(str(self._folder / "inside.pid")).replace("%", "%%")
        namespaces = " ".join((*_as_owner(), ENTER))
        script = f'exec nsenter --target "$(cat "$0")" {namespaces} -- socat - TCP:%h:%p'
        return f"sh -c '{script}' {file}"

    def inside(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Word a command so that it runs inside, and ends when the hypervisor does.

        Raises HalabError when the hypervisor does not run.
        """
        first = self._first()
        if first is None:
            raise HalabError(f"the private hypervisor of lab {self._lab.name!r} does not run")
        inner = str(children(first)[0])
        return ["nsenter", "--target", inner, *_as_owner(), *ENTER.split(), "--", *command]

    def processes(self) -> list[int]:
        """Return the processes of the whole tree; none when it is stopped."""
        first = self._first()
        return [] if first is None else descendants(first)

    def guests(self) -> list[str]:
        """Return the names of the machines that run, as their processes say."""
        return [name for pid in self.processes() if (name := _guest(command_of(pid)))]

    def remove_files(self) -> None:
        """Remove the lab's folder, whoever in the hypervisor's user namespace owns its files."""
        remove_folder(self._lab.path)

    def leftovers(self) -> list[str]:
        """Return a sentence for everything of this lab that is still there."""
        found = [f"folder {path}" for path in (self._lab.path, self.sockets) if path.exists()]
        needle = f"{self._folder}/"
        for pid in all_processes():
            words = command_of(pid)
            if any(needle in word for word in words) and pid != os.getpid():
                found.append(f"process {pid}: {' '.join(words)[:120]}")
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
        return [*found, *(f"mount {point}" for point in mounts_of(mounts, self._lab.path))]

    def _first(self) -> int | None:
        """Return the first process of this hypervisor; None when it does not run.

        Its command names the folder, by whichever way that leads to it.
        """
        own = os.path.realpath(self._folder)
        running = first_processes().items()
        return next((pid for folder, pid in running if os.path.realpath(folder) == own), None)

    def _remember_inside(self, pid: int) -> None:
        write_file(self._folder / "inside.pid", f"{children(pid)[0]}\n")

    def _write_configuration(self) -> None:
        for name in ("var", "etc", "run"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self._make_socket_folder()
        for name in ("var/dnsmasq", "var/qemu", "var/images", "etc/qemu", "etc/storage"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        conf = LIBVIRTD_CONF.format(sockets=self.sockets)
        write_file(self._folder / "libvirtd.conf", conf)
        write_file(self._folder / "etc" / "qemu.conf", QEMU_CONF)

    def _make_socket_folder(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        # Anybody may make a folder of this name below /tmp and own the sockets in it.
        if not _is_own_folder(self.sockets):
            raise HalabError(
                f"{self.sockets} is somebody else's: libvirt's sockets would not be safe in it",
                hint="have it removed, or set XDG_STATE_HOME to a shorter path",
            )
        self.sockets.chmod(0o700)

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        def answers() -> str:
            try:
                return run(["virsh", "-q", "-c", self.uri, "uri"], timeout=20).stdout.strip()
            except CommandError as error:
                return f"no answer yet: {error.stderr.strip()}"

        wait_until(
            answers,
            lambda answer: answer.startswith("qemu:"),
            what="the private libvirtd to answer",
            timeout=START_TIMEOUT_S,
            failed=lambda _: self._log_tail() if process.poll() is not None else None,
            interval=0.2,
            hint=f"its log: {self._folder / 'hypervisor.log'}",
        )
        # What answers has a first process by now; earlier there may be none to write down.
        self._remember_inside(process.pid)

    def _log_tail(self) -> str:
        lines = (self._folder / "hypervisor.log").read_text(errors="replace").splitlines()
        return "it ended: " + "\n".join(lines[-8:])


def _as_owner() -> tuple[str, ...]:
    """Return what an ordinary user enters besides: the namespace in which he is root."""
    return () if os.geteuid() == 0 else ("--user", "--preserve-credentials")


def _is_own_folder(path: Path) -> bool:
    """Tell whether this is a folder, and this user's."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def first_processes() -> dict[Path, int]:
    """Return the first process of every private hypervisor that runs here, by its folder."""
    named = {
        pid: Path(words[-1])
        for pid in all_processes()
        if len(words := [word for word in command_of(pid) if word]) > 1
        and Path(words[-2]).parts[-2:] == INSIDE.parts[-2:]
    }
    below = {child for pid in named for child in children(pid)}
    return {folder: pid for pid, folder in named.items() if pid not in below}


def _guest(words: Sequence[str]) -> str | None:
    """Return the name of the machine that a QEMU process runs, from `-name guest=NAME,...`."""
    for option, value in pairwise(words):
        if option == "-name" and value.startswith("guest="):
            return value.removeprefix("guest=").partition(",")[0]
    return None


def _end(pid: int) -> None:
    tree = [Identity.of(one) for one in descendants(pid)]
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise HalabError(
            f"the hypervisor (pid {pid}) is another user's", hint="run the command as that user"
        ) from error
    wait_until(
        lambda: [one.pid for one in tree if one.is_alive()],
        lambda alive: not alive,
        what="the private hypervisor to end",
        timeout=STOP_TIMEOUT_S,
        interval=0.1,
        hint="these processes stay: `ps -fp PID` tells what they wait for",
    )


def mounts_of(mountinfo: str, folder: Path) -> list[str]:
    """Return where something is mounted below a folder, or from below it (proc(5), mountinfo)."""
    found = []
    for line in filter(None, mountinfo.split("\n")):
        # Blanks and their like stand in it as octal numbers.
        root, point = (
            re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), word)
            for word in line.split(" ")[3:5]
        )
        if any(folder in (Path(place), *Path(place).parents) for place in (root, point)):
            found.append(point)
    return found

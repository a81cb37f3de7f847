"""Begins a rehearsal, in a lab's private hypervisor. It ends with that, and leaves nothing else."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from core.command import start
from core.files import write_file
from core.folders import PROJECT, LabFolder
from core.saying import Say
from core.wait import wait_until
from hypervisor.acceleration import probe
from hypervisor.extras import ensure_extras
from hypervisor.private import PrivateHypervisor
from inventory.endpoint import note_file, noted
from rehearsal.domains import CPUS, MEMORY_MIB, Files, Size
from rehearsal.image import ensure_copy

START_TIMEOUT_S = 300.0
"""moto takes seconds to load, and two minutes were seen on a busy machine."""
ANSWER_TIMEOUT_S = 5.0


def begin(folder: LabFolder, region: str, user: IPv4Address, report: Say) -> str:
    """Have a rehearsed cloud answer for a lab that is new, and return its URL.

    `user` is the address by which whoever asks from this machine is seen by instances. Raises
    HalabError when it does not come up.
    """
    hypervisor = PrivateHypervisor(folder)
    # What is left of one that ended is in no books any more.
    hypervisor.stop()
    note_file(folder).unlink(missing_ok=True)
    files = Files(folder.rehearsal)
    ensure_copy(files.boot, report)
    size = Size(MEMORY_MIB, CPUS, is_accelerated(folder))
    for left in files.of_guests():
        left.unlink()
    hypervisor.start(report)
    report("starting a server in AWS's stead")
    packages = ensure_extras(report)
    # A socket belongs to the networks in which it was made: this one is found from outside.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        outside, inside = socket.socketpair()
        with outside, inside, (folder.rehearsal / "log").open("a") as log:
            depot = [sys.executable, "-P", "-m", "rehearsal.depot", str(outside.fileno())]
            _start(depot, log, packages, outside)
            sockets = (listening.fileno(), inside.fileno())
            server = hypervisor.inside(_command(folder, region, user, size, *sockets))
            process = _start(server, log, packages, listening, inside)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    wait_until(
        lambda: _answers(url),
        bool,
        what="the server in AWS's stead to answer",
        timeout=START_TIMEOUT_S,
        failed=lambda _: "it ended" if process.poll() is not None else None,
        interval=0.5,
        hint=f"its log: {folder.rehearsal / 'log'}",
    )
    write_file(note_file(folder), url)
    return url


def _start(
    command: Sequence[str | Path], log: TextIO, packages: Path, *sockets: socket.socket
) -> subprocess.Popen[bytes]:
    return start(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=PROJECT,
        env={"PYTHONPATH": str(packages)},
        pass_fds=[each.fileno() for each in sockets],
        start_new_session=True,
    )


def is_accelerated(folder: LabFolder) -> bool:
    """Tell whether the guests of a rehearsal that was begun run on KVM."""
    files = Files(folder.rehearsal)
    return probe(files.kernel, files.initrd).accelerated


def is_played(folder: LabFolder) -> bool:
    """Tell whether a lab's rehearsal is there, however long it takes to answer."""
    url = noted(folder)
    return url is not None and PrivateHypervisor(folder).is_running() and _listens(url)


def _listens(url: str) -> bool:
    """Tell whether a process waits there for who asks."""
    where = urlsplit(url)
    try:
        with socket.create_connection((where.hostname, where.port), ANSWER_TIMEOUT_S):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    """Tell whether something answers there, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_S):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _command(
    folder: LabFolder, region: str, user: IPv4Address, size: Size, listening: int, depot: int
) -> list[str]:
    return [
        *(sys.executable, "-P", "-m", "rehearsal"),
        *("--folder", str(folder.path), "--listening", str(listening)),
        *("--depot", str(depot)),
        *("--region", region, "--user", str(user)),
        *("--memory-mib", str(size.memory_mib), "--cpus", str(size.cpus)),
        *(["--accelerated"] if size.accelerated else []),
    ]

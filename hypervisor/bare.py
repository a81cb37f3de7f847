"""The same guests by bare QEMU, without libvirt, Pulumi or software: what a boot costs here."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.command import run, start
from core.errors import CommandError
from core.wait import wait_until
from hypervisor.image import Image
from inventory import emulation
from inventory.known_hosts import GIVEN_AS

USER_NETWORK_ADDRESS = "10.0.2.15/24"
"""The address that QEMU's user network gives to its first guest (qemu(1), -netdev user)."""


HOST_KEY = "host-key"
"""The file with the host key that all guests get: without one, their ssh does not start."""


@dataclass(frozen=True)
class Guest:
    """One guest to boot: its image and its size in MiB and processors."""

    name: str
    image: Image
    memory_mib: int
    cpus: int


def time_boot(guests: Collection[Guest], accelerated: bool, timeout: float) -> float:
    """Boot all guests at once and return the seconds until ssh answers in every one of them.

    Raises WaitTimeout when one does not come up within `timeout` seconds.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="halab-bare-")))
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / HOST_KEY])
        began = time.monotonic()
        ports = [stack.enter_context(_running(guest, folder, accelerated)) for guest in guests]
        wait_until(
            lambda: [_answers(port) for port in ports],
            all,
            what="ssh of all guests to answer",
            timeout=timeout,
            interval=0.5,
        )
        return time.monotonic() - began


@contextmanager
def _running(guest: Guest, folder: Path, accelerated: bool) -> Iterator[int]:
    disk = folder / f"{guest.name}.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", guest.image.disk, disk])
    port, mac = _free_port(), "52:54:00:0a:00:01"
    kind, model = ("kvm", "host") if accelerated else ("tcg", "max")
    left_out = (f"{feature}=off" for feature in emulation.features_left_out(accelerated))
    nic = f"halab.nic={mac},mgmt,{USER_NETWORK_ADDRESS}"
    arguments = f"root=/dev/vda rw rootflags=noatime console=ttyS0 net.ifnames=0 loglevel=6 {nic}"
    command = [
        "qemu-system-x86_64", "-accel", kind, "-cpu", ",".join((model, *left_out)),
        "-machine", "pc", "-m", str(guest.memory_mib), "-smp", str(guest.cpus),
        "-display", "none", "-nodefaults", "-serial", "null",
        "-kernel", str(guest.image.kernel), "-initrd", str(guest.image.initrd),
        "-append", " ".join((arguments, *emulation.arguments(accelerated))),
        # Named within their folder: QEMU takes a comma in a path for the end of it.
        "-fw_cfg", f"name={GIVEN_AS},file={HOST_KEY}",
        "-drive", f"file={disk.name},if=virtio,format=qcow2,cache=unsafe",
        "-netdev", f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22",
        "-device", f"virtio-net-pci,netdev=n,mac={mac},romfile=",
    ]  # fmt: skip
    process = start(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    try:
        yield port
        if process.poll() is not None and process.stderr:
            errors = process.stderr.read().decode(errors="replace")
            raise CommandError(" ".join(command), status=process.returncode, stderr=errors)
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

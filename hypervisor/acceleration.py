"""Does KVM really work here? Found out by booting a kernel, not by looking at /dev/kvm."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from core.command import run
from core.errors import HalabError
from core.files import write_file
from core.folders import cache_folder
from hypervisor.namespaces import AS_ROOT_OF_ITS_OWN
from hypervisor.packages import find_program
from inventory.frozen import Frozen

DEVICE = Path("/dev/kvm")

PROBE_TIMEOUT_S = 20
"""A kernel on KVM reaches its first process within 2 s; the rest is patience with a busy host."""

REACHED = "Run /init as init process"
"""What the kernel prints when it hands over to the initrd (init/main.c)."""

AS_A_GUEST = (*AS_ROOT_OF_ITS_OWN, "--", "setpriv", "--clear-groups", "--")
"""What an ordinary user's private hypervisor does to a guest's rights: libvirt drops the groups,
and with them the group kvm; an ACL or mode 0666 stays."""

OVERRIDE = "HALAB_ACCELERATION"


@dataclass(frozen=True)
class Acceleration:
    """Whether guests run on KVM, and why, as one sentence for a person."""

    accelerated: bool
    reason: str


class Memory(Frozen):
    """What an earlier probe found; `subject` is what that depends on."""

    accelerated: bool
    reason: str
    subject: dict[str, str]


def forced() -> Acceleration | None:
    """Return what a person has decided; raises HalabError for a word that is not known."""
    word = os.environ.get(OVERRIDE)
    if not word:
        return None
    if word not in {"kvm", "emulation"}:
        raise HalabError(f"{OVERRIDE}={word} is not known", hint="kvm or emulation")
    return Acceleration(word == "kvm", f"{OVERRIDE}={word} says so")


def probe(kernel: Path, initrd: Path) -> Acceleration:
    """Boot the kernel on KVM for a few seconds; the result is remembered until the host restarts.

    HALAB_ACCELERATION=kvm or =emulation decides without a look. Raises HalabError for other values.
    """
    said = forced()
    if said is not None:
        return said
    obstacle = _obstacle()
    if obstacle:
        return Acceleration(False, obstacle)
    remembered = _read_memory(kernel)
    if remembered:
        return remembered
    found = _boot(kernel, initrd)
    _remember(kernel, found)
    return found


def remembered(kernel: Path) -> Acceleration | None:
    """Return what an earlier probe found on this boot of the host, without probing."""
    obstacle = _obstacle()
    return Acceleration(False, obstacle) if obstacle else _read_memory(kernel)


def _obstacle() -> str | None:
    if not DEVICE.exists():
        return "this machine has no /dev/kvm: switch on virtualization in its firmware or its host"
    if (
        os.geteuid() != 0
        and run([*AS_A_GUEST, "sh", "-c", f": <>{DEVICE}"], check=False).returncode
    ):
        acl = "" if find_program("setfacl") else "sudo apt-get install acl && "
        return (
            f"{DEVICE} is closed to this user's namespaces, in which a group does not count: "
            f"{acl}sudo setfacl -m u:{os.getuid()}:rw {DEVICE} opens it until the next start; "
            "docs/troubleshooting.md has the rule that stays"
        )
    return None


def _boot(kernel: Path, initrd: Path) -> Acceleration:
    with tempfile.TemporaryDirectory(prefix="halab-kvm-") as folder:
        console = Path(folder) / "console"
        command = [
            "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-machine", "q35",
            "-m", "256", "-display", "none", "-nodefaults", "-no-reboot",
            "-kernel", str(kernel), "-initrd", str(initrd),
            "-append", "console=ttyS0 panic=-1 break=top",
            "-serial", f"file:{console}",
        ]  # fmt: skip
        try:
            done = run(command, timeout=PROBE_TIMEOUT_S, check=False)
            ending = done.stderr.strip().splitlines()[-1:] or ["the guest ended by itself"]
        except HalabError:
            ending = [f"nothing within {PROBE_TIMEOUT_S} s"]
        output = console.read_text(errors="replace") if console.exists() else ""
    if REACHED in output:
        return Acceleration(True, "a kernel booted on KVM")
    return Acceleration(
        False, f"/dev/kvm is there, but a stock kernel does not boot on it ({ending[0]})"
    )


def _memory() -> Path:
    return cache_folder() / "acceleration.json"


def _subject(kernel: Path) -> dict[str, str]:
    """Return what a probe's result depends on: the host's boot, QEMU and the kernel."""
    version = run(["qemu-system-x86_64", "--version"], check=False).stdout
    return {
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "qemu": version.partition("\n")[0],
        "kernel": str(kernel),
        "user": str(os.geteuid()),
    }


def _read_memory(kernel: Path) -> Acceleration | None:
    try:
        noted = Memory.model_validate_json(_memory().read_bytes())
    except (OSError, ValidationError):
        return None
    if noted.subject != _subject(kernel):
        return None
    return Acceleration(noted.accelerated, noted.reason)


def _remember(kernel: Path, found: Acceleration) -> None:
    noted = Memory(accelerated=found.accelerated, reason=found.reason, subject=_subject(kernel))
    write_file(_memory(), noted.model_dump_json())

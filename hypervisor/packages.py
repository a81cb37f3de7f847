"""What has to be installed on this machine, and how to install it on Debian."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.command import run, start
from core.environment import SYSTEM_FOLDERS
from core.errors import HalabError
from hypervisor.streaming import follow

Version = tuple[int, ...]
Report = Callable[[str], None]

INSTALLER = Path(__file__).with_name("install-packages.sh")
INSTALL_TIMEOUT_S = 1800

SUITES = {"12": "bookworm-backports", "13": ""}
"""Supported versions of Debian, and where their hypervisor comes from ("" is Debian itself)."""

UTIL_LINUX_VERSION = (2, 38)
"""The first with `unshare --map-auto` (its release notes)."""


@dataclass(frozen=True)
class Need:
    """A program or a driver that halab uses, and the Debian package that brings it.

    `found_by` is the name of a program or of a libvirt driver (`*.so`).
    """

    package: str
    found_by: str
    minimum: Version = ()
    purpose: str = ""
    version_word: str = "--version"


@dataclass(frozen=True)
class Shortage:
    """A need that this machine does not meet, and in which way."""

    need: Need
    fact: str


DRIVER_FOLDERS = ("usr/lib/*/libvirt/connection-driver", "usr/lib*/libvirt/connection-driver")
"""Where distributions keep libvirt's drivers, below the root: Debian, and those with lib64."""

NEEDS = (
    # QEMU 7.2 panics guests in software emulation; older than 8 was never tried otherwise.
    Need("qemu-system-x86", "qemu-system-x86_64", (8,), "runs the machines"),
    Need("qemu-utils", "qemu-img", (), "makes their disks"),
    Need("libvirt-daemon-system", "libvirtd", (9,), "the private hypervisor"),
    Need("libvirt-clients", "virsh", (9,), "talks to it"),
    Need("libvirt-daemon-driver-qemu", "libvirt_driver_qemu.so", (), "libvirt's QEMU driver"),
    Need("libvirt-daemon-system", "libvirt_driver_network.so", (), "libvirt's network driver"),
    Need("libvirt-daemon-system", "libvirt_driver_storage.so", (), "libvirt's storage driver"),
    Need("mmdebstrap", "mmdebstrap", (), "builds guest images"),
    Need("uidmap", "newuidmap", (), "user namespaces"),
    Need("xsltproc", "xsltproc", (), "completes the machines' definitions"),
    Need("e2fsprogs", "mke2fs", (), "guests' file systems"),
    Need("socat", "socat", (), "leads ssh into a lab's network"),
    Need("openssh-client", "ssh", (), "reaches the machines"),
    Need("openssh-client", "ssh-keygen", (), "makes a lab's key"),
    Need("iproute2", "ip", (), "networks of the private hypervisor"),
    Need("util-linux", "unshare", UTIL_LINUX_VERSION, "namespaces"),
    Need("util-linux", "nsenter", UTIL_LINUX_VERSION, "enters namespaces"),
)

TEST_NEEDS = (
    Need("shellcheck", "shellcheck", (), "checks the project's shell scripts"),
    Need("nftables", "nft", (), "tries firewall rules in namespaces"),
    Need("chromium", "chromium", (), "looks at the dashboard as a person does"),
    Need("chromium-driver", "chromedriver", (), "lets tests use it"),
)
"""What only the project's own tests use."""


def find_program(name: str) -> Path | None:
    """Return a program's path, also when it stands where only administrators look."""
    path = os.environ.get("PATH", os.defpath)
    found = shutil.which(name, path=os.pathsep.join((path, *SYSTEM_FOLDERS)))
    return Path(found) if found else None


def version_of(program: Path, word: str = "--version") -> Version:
    """Return the first dotted number in what `PROGRAM WORD` prints, () when there is none."""
    # In the root folder no project's settings choose another version (Go does that).
    done = run([program, word], check=False, timeout=10, cwd=Path("/"))
    return parse_version(done.stdout + done.stderr)


def parse_version(text: str) -> Version:
    """Return the first dotted number in a text as a comparable tuple, () when there is none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def find_shortages(needs: Iterable[Need] = NEEDS) -> list[Shortage]:
    """Return what is missing on this machine or too old; changes nothing."""
    checked = ((need, _shortfall(need)) for need in needs)
    return [Shortage(need, fact) for need, fact in checked if fact]


def ensure_packages(report: Report, needs: Iterable[Need] = NEEDS) -> bool:
    """Install what is missing and return whether anything was.

    May ask for the user's password (sudo, on a terminal): call `get_root` before a live display.
    Raises HalabError before anything is changed where halab does not know how to install, or is
    not allowed to; CommandError with apt's last words when the installation fails.
    """
    needs = tuple(needs)
    shortages = find_shortages(needs)
    if not shortages:
        return False
    packages = sorted({shortage.need.package for shortage in shortages})
    backports = _supported_suite(shortages)
    as_root = get_root(packages)
    command = ["sh", "-c", INSTALLER.read_text(), "install-packages", backports, *packages]
    report(f"installing {', '.join(packages)}")
    follow(
        [*as_root, *command],
        lambda line: _report_package(line, report),
        timeout=INSTALL_TIMEOUT_S,
        shown=shlex.join([*as_root, "sh", str(INSTALLER), backports, *packages]),
        hint="run the command by hand; when it succeeds, start halab again",
    )
    left = find_shortages(needs)
    if left:
        raise HalabError(
            "packages were installed, but this is still missing", detail=describe(left)
        )
    return True


def get_root(packages: Collection[str], *, ask: bool = True) -> list[str]:
    """Return the words that make a command run as root, after asking for the password if needed.

    Raises HalabError when this user cannot become root here; `packages` is for the hint.
    Without `ask` a password that could be asked for counts as given.
    """
    if os.geteuid() == 0:
        return []
    by_hand = shlex.join(["apt-get", "install", "--no-install-recommends", *packages])
    sudo = shutil.which("sudo")
    if sudo and run([sudo, "-n", "true"], check=False).returncode == 0:
        return [sudo, "-n"]
    if sudo and sys.stdin.isatty():
        prompt = "halab installs system packages; password for %u: "
        if not ask or start([sudo, "-p", prompt, "-v"]).wait() == 0:
            return [sudo]
    raise HalabError(
        "system packages are missing and this user may not install them",
        detail=f"packages: {' '.join(packages)}",
        hint=f"run halab once where sudo can ask for a password, or as root: {by_hand}",
    )


def describe(shortages: Iterable[Shortage]) -> str:
    """Return one line for each shortage."""
    return "\n".join(
        f"{shortage.need.found_by} ({shortage.need.purpose}): {shortage.fact}"
        for shortage in shortages
    )


@cache
def _os_release() -> dict[str, str]:
    lines = _read_os_release().splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _read_os_release() -> str:
    # os-release(5): the second is the vendor's, for when the first is missing.
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        if path.exists():
            return path.read_text(errors="replace")
    return ""


def os_name() -> str:
    """Return the operating system's name for people."""
    return _os_release().get("PRETTY_NAME", "an unknown system")


def is_supported_debian() -> bool:
    """Tell whether halab can install packages here by itself."""
    release = _os_release()
    return release.get("ID") == "debian" and release.get("VERSION_ID") in SUITES


def _supported_suite(shortages: list[Shortage]) -> str:
    if not is_supported_debian():
        raise HalabError(
            f"this is {os_name()}: halab installs packages only on Debian 12 and 13",
            detail=f"missing:\n{describe(shortages)}",
            hint="install these with your system's package manager; then halab runs here too",
        )
    return SUITES[_os_release()["VERSION_ID"]]


def _shortfall(need: Need) -> str | None:
    if need.found_by.endswith(".so"):
        found = any(any(Path("/").glob(f"{folder}/{need.found_by}")) for folder in DRIVER_FOLDERS)
        return None if found else "not installed"
    program = find_program(need.found_by)
    if program is None:
        return "not installed"
    if not need.minimum:
        return None
    version = version_of(program, need.version_word)
    if version >= need.minimum:
        return None
    wanted = ".".join(map(str, need.minimum))
    return f"version {'.'.join(map(str, version)) or 'unknown'}, {wanted} or newer is needed"


def _report_package(line: str, report: Report) -> None:
    stages = {
        "Get:": "downloading packages",
        "Unpacking ": "unpacking packages",
        "Setting up ": "setting up packages",
    }
    if line.startswith("Adding "):
        report(line.lower())
    for beginning, stage in stages.items():
        if line.startswith(beginning):
            report(stage)

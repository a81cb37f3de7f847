"""What has to be installed on this machine, and how to install it on Debian and its relatives."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.command import run, start
from core.environment import SYSTEM_FOLDERS
from core.errors import HalabError
from core.saying import Say
from hypervisor.distribution import Family, this_distribution
from hypervisor.streaming import follow

Version = tuple[int, ...]

INSTALLER = Path(__file__).with_name("install-packages.sh")
INSTALL_TIMEOUT_S = 1800

PROXIES = ("http_proxy", "https_proxy", "no_proxy")
"""The variables that apt reads."""

UTIL_LINUX_VERSION = (2, 38)
"""The first with `unshare --map-auto` (its release notes)."""


@dataclass(frozen=True)
class Need:
    """A program or a driver that halab uses, and the packages that bring it.

    `found_by` is the name of a program or of a libvirt driver (`*.so`). `package` is its name on
    Debian, Ubuntu and their derivatives; `fedora` on Fedora, "" where that has none.
    """

    package: str
    found_by: str
    minimum: Version = ()
    purpose: str = ""
    version_word: str = "--version"
    fedora: str = ""

    def package_on(self, family: Family) -> str:
        """Return the package's name on a family of systems, Debian's where it is not known."""
        return self.fedora if family is Family.FEDORA else self.package


@dataclass(frozen=True)
class Shortage:
    """A need that this machine does not meet, and in which way."""

    need: Need
    fact: str


DRIVER_FOLDERS = ("usr/lib/*/libvirt/connection-driver", "usr/lib*/libvirt/connection-driver")
"""Where distributions keep libvirt's drivers, below the root: Debian, and those with lib64."""

NEEDS = (
    # QEMU 7.2 panics guests in software emulation; older than 8 was never tried otherwise.
    Need(
        "qemu-system-x86", "qemu-system-x86_64", (8,), "runs the machines",
        fedora="qemu-system-x86-core",
    ),
    Need("qemu-utils", "qemu-img", (), "makes their disks", fedora="qemu-img"),
    Need(
        "libvirt-daemon-system", "libvirtd", (9,), "the private hypervisor",
        fedora="libvirt-daemon",
    ),
    Need("libvirt-clients", "virsh", (9,), "talks to it", fedora="libvirt-client"),
    Need(
        "libvirt-daemon-driver-qemu", "libvirt_driver_qemu.so", (), "libvirt's QEMU driver",
        fedora="libvirt-daemon-driver-qemu",
    ),
    Need(
        "libvirt-daemon-system", "libvirt_driver_network.so", (), "libvirt's network driver",
        fedora="libvirt-daemon-driver-network",
    ),
    Need(
        "libvirt-daemon-system", "libvirt_driver_storage.so", (), "libvirt's storage driver",
        fedora="libvirt-daemon-driver-storage-core",
    ),
    Need("mmdebstrap", "mmdebstrap", (), "builds guest images"),
    Need("apt", "apt-get", (), "fetches the guests' packages", fedora="apt"),
    Need("dpkg", "dpkg", (), "unpacks them", fedora="dpkg"),
    Need("uidmap", "newuidmap", (), "user namespaces", fedora="shadow-utils"),
    Need("xsltproc", "xsltproc", (), "completes the machines' definitions", fedora="libxslt"),
    Need("e2fsprogs", "mke2fs", (), "guests' file systems", fedora="e2fsprogs"),
    Need("tar", "tar", (), "unpacks guests' images", fedora="tar"),
    Need("socat", "socat", (), "leads ssh into a lab's network", fedora="socat"),
    Need("openssh-client", "ssh", (), "reaches the machines", fedora="openssh-clients"),
    Need("openssh-client", "ssh-keygen", (), "makes a lab's key", fedora="openssh"),
    Need("iproute2", "ip", (), "networks of the private hypervisor", fedora="iproute"),
    Need("util-linux", "unshare", UTIL_LINUX_VERSION, "namespaces", fedora="util-linux"),
    Need("util-linux", "nsenter", UTIL_LINUX_VERSION, "enters namespaces", fedora="util-linux"),
    Need("util-linux", "setpriv", (), "ends builds with halab", fedora="util-linux"),
)  # fmt: skip
"""The one table of packages. Ubuntu's names are Debian's; Fedora's are of its release 43."""

FILTER_NEEDS = (
    Need("nftables", "nft", (), "packet filters on this machine", fedora="nftables"),
)  # fmt: skip
"""What a rehearsed cloud uses besides, and the tests that try rules in namespaces."""

TEST_NEEDS = (
    *FILTER_NEEDS,
    Need("shellcheck", "shellcheck", (), "checks the project's shell scripts"),
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


def ensure_packages(report: Say, needs: Iterable[Need] = NEEDS) -> bool:
    """Install what is missing and return whether anything was.

    May ask for the user's password (sudo, on a terminal): call `authorize` before a live display.
    Raises HalabError before anything is changed where halab does not know how to install, or is
    not allowed to; CommandError with apt's last words when the installation fails.
    """
    needs = tuple(needs)
    shortages = find_shortages(needs)
    if not shortages:
        return False
    as_root = authorize(shortages)
    packages = missing_packages(shortages)
    suite = this_distribution().backports
    # sudo drops the proxies that a user may have nowhere but in his environment.
    proxies = [f"{name}={os.environ[name]}" for name in PROXIES if name in os.environ]
    command = ["env", *proxies, "sh", "-c", INSTALLER.read_text(), "install-packages"]
    report(f"installing {', '.join(packages)}")
    follow(
        [*as_root, *command, suite, *packages],
        lambda line: _report_package(line, report),
        timeout=INSTALL_TIMEOUT_S,
        shown=shlex.join([*as_root, *_by_hand(packages)]),
        hint="run the command by hand; when it succeeds, start halab again",
    )
    left = find_shortages(needs)
    if left:
        raise HalabError(
            "packages were installed, but this is still missing", detail=describe(left)
        )
    return True


def missing_packages(shortages: Iterable[Shortage]) -> list[str]:
    """Return the packages that this system has against shortages, by name, each once."""
    family = this_distribution().family
    return sorted({shortage.need.package_on(family) for shortage in shortages} - {""})


def authorize(shortages: Collection[Shortage], *, ask: bool = True) -> list[str]:
    """Return the words that make a command run as root, for installing what is short.

    Asks for the password if one is needed; without `ask`, one that could be asked for counts as
    given. Raises HalabError, with how to go on, where halab cannot install these: the system is
    not Debian's kin, its versions are too old, or this user cannot become root.
    """
    host = this_distribution()
    if host.family is not Family.DEBIAN or find_program("apt-get") is None:
        raise HalabError(
            f"this is {host.name}: halab installs packages only on Debian, Ubuntu and their kin",
            detail=f"missing:\n{describe(shortages)}",
            hint=_foreign_advice(shortages),
        )
    old = _too_old(shortages)
    if old:
        raise HalabError(
            f"{host.name} is too old: it has {', '.join(old)}",
            detail=f"missing:\n{describe(shortages)}",
            hint="use Debian 12 or newer or Ubuntu 24.04 or newer; where newer versions are "
            "installed by other means, halab runs too",
        )
    return _become_root(missing_packages(shortages), ask)


def _become_root(packages: Collection[str], ask: bool) -> list[str]:
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and run([sudo, "-n", "true"], check=False).returncode == 0:
        return [sudo, "-n"]
    if sudo and sys.stdin.isatty():
        # The variable, not the option -p, which early versions of sudo-rs do not know.
        prompt = {"SUDO_PROMPT": "halab installs system packages; password for %u: "}
        if not ask or start([sudo, "-v"], env=prompt).wait() == 0:
            return [sudo]
    raise HalabError(
        "system packages are missing and this user may not install them",
        detail=f"packages: {' '.join(packages)}",
        hint="run halab once where sudo can ask for a password, or as root: "
        + shlex.join(_by_hand(packages)),
    )


def _by_hand(packages: Iterable[str]) -> list[str]:
    return ["sh", str(INSTALLER), this_distribution().backports, *packages]


def _foreign_advice(shortages: Iterable[Shortage]) -> str:
    host = this_distribution()
    lacking = [shortage.need for shortage in shortages]
    command = shlex.join(host.install_words(missing_packages(shortages)))
    if not command:
        names = " ".join(sorted({need.package for need in lacking}))
        return f"install them with your system's package manager (Debian calls them: {names})"
    unpackaged = sorted({need.found_by for need in lacking if not need.package_on(host.family)})
    advice = f"sudo {command}"
    if unpackaged:
        advice += f"; not packaged there, install it from its source: {', '.join(unpackaged)}"
    return advice


def _too_old(shortages: Iterable[Shortage]) -> list[str]:
    """Return the packages whose version here is known to be older than what halab needs."""
    if this_distribution().backports:
        return []
    least = {one.need.package: one.need.minimum for one in shortages if one.need.minimum}
    offered = _offered(sorted(least)) if least else {}
    return [
        f"{package} {'.'.join(map(str, version))} ({'.'.join(map(str, least[package]))} is needed)"
        for package, version in offered.items()
        if version and version < least[package]
    ]


def _offered(packages: Sequence[str]) -> dict[str, Version]:
    """Return the upstream versions that apt would install; () where it knows of none yet."""
    listed = run(["apt-cache", "policy", *packages], check=False).stdout
    found: dict[str, Version] = {}
    package = ""
    for line in listed.splitlines():
        if line and not line[0].isspace():
            package = line.rstrip(":")
        elif line.strip().startswith("Candidate:"):
            found[package] = parse_version(line.partition(":")[2].rpartition(":")[2])
    return found


def describe(shortages: Iterable[Shortage]) -> str:
    """Return one line for each shortage."""
    return "\n".join(
        f"{shortage.need.found_by} ({shortage.need.purpose}): {shortage.fact}"
        for shortage in shortages
    )


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


def _report_package(line: str, report: Say) -> None:
    stages = {
        "Get:": "downloading packages",
        "Unpacking ": "unpacking packages",
        "Setting up ": "setting up packages",
    }
    # What the installer says itself; dpkg-divert adds things, too.
    if line.startswith("Waiting for ") or line.endswith("to the package sources"):
        report(line[0].lower() + line[1:])
    for beginning, stage in stages.items():
        if line.startswith(beginning):
            report(stage)

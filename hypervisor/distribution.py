"""The system that this machine runs, as far as installing software on it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

FILES = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
"""os-release(5): the second is the vendor's, for when the first is missing."""

BACKPORTS = {"bookworm": "bookworm-backports"}
"""Releases whose hypervisor comes from their backports; their own QEMU is too old."""

OSTREE = Path("/run/ostree-booted")
"""Is there on systems whose /usr is one image, such as Fedora Silverblue."""


class Family(StrEnum):
    """Systems that name their packages alike."""

    DEBIAN = "Debian"
    FEDORA = "Fedora"
    OTHER = "other"


@dataclass(frozen=True)
class Distribution:
    """What os-release says: the name for people, the family, the release that packages come from.

    A derivative's `codename` is that of the Debian or Ubuntu below it; "" where it is not said.
    """

    name: str
    family: Family
    codename: str = ""

    @property
    def backports(self) -> str:
        """The suite to take the hypervisor from besides the system's own, or ""."""
        return BACKPORTS.get(self.codename, "") if self.family is Family.DEBIAN else ""

    def install_words(self, packages: Sequence[str]) -> list[str]:
        """Return the command with which root installs packages here; [] where it is not known."""
        if not packages:
            return []
        match self.family:
            case Family.DEBIAN:
                return ["apt-get", "install", "--no-install-recommends", *packages]
            case Family.FEDORA if OSTREE.exists():
                return ["rpm-ostree", "install", *packages]
            case Family.FEDORA:
                return ["dnf", "install", *packages]
            case Family.OTHER:
                return []


def parse(text: str) -> Distribution:
    """Return what the text of an os-release file says."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    release = {key.strip(): value.strip().strip("\"'") for key, mark, value in pairs if mark}
    names = {release.get("ID", "").lower(), *release.get("ID_LIKE", "").lower().split()}
    family = Family.OTHER
    if names & {"debian", "ubuntu"}:
        family = Family.DEBIAN
    elif names & {"fedora", "rhel", "centos"}:
        family = Family.FEDORA
    bases = ("UBUNTU_CODENAME", "DEBIAN_CODENAME", "VERSION_CODENAME")
    codename = next((release[key] for key in bases if release.get(key)), "")
    return Distribution(release.get("PRETTY_NAME") or "an unknown system", family, codename)


@cache
def this_distribution() -> Distribution:
    """Return the system that this machine runs."""
    found = next((path for path in FILES if path.exists()), None)
    return parse(found.read_text(errors="replace") if found else "")

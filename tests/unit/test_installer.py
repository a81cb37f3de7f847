"""The script that installs packages as root, run against a fake apt that changes nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hypervisor.packages import INSTALLER

REAL = ("sh", "cat", "cp", "rm", "mktemp", "chmod", "date", "grep", "ls", "mv", "head")
BUSY = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)"


class Apt:
    """A machine's apt, of fake programs that note what they are told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told"
        for name in REAL:
            (folder / name).symlink_to(f"/bin/{name}")
        for name in ("sleep", "systemctl", "dpkg", "apt-cache", "apt-get"):
            self.program(name, f'echo "{name} $*" >>{self.told}')

    def program(self, name: str, does: str) -> None:
        """Put a program there."""
        (self.folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (self.folder / name).chmod(0o755)

    def install(self, *packages: str) -> subprocess.CompletedProcess[str]:
        """Run the script, without backports."""
        return subprocess.run(
            ["sh", INSTALLER, "", *packages],
            env={"PATH": str(self.folder), "TMPDIR": str(self.folder)},
            capture_output=True,
            text=True,
        )

    def calls(self) -> str:
        """Return what the programs were told, one call a line."""
        return self.told.read_text()


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    return Apt(tmp_path)


def test_packages_come_without_what_they_recommend(apt: Apt) -> None:
    done = apt.install("socat", "xsltproc")
    assert done.returncode == 0, done.stderr
    assert "install --no-install-recommends socat xsltproc" in apt.calls()


def test_a_system_that_updates_its_lists_by_itself_is_waited_for(apt: Apt) -> None:
    apt.program(
        "apt-get",
        f'echo "apt-get $*" >>{apt.told}\n'
        f'case "$*" in *update*) [ -e {apt.folder}/free ] || '
        f'{{ echo "{BUSY}" >&2; exit 100; }} ;; esac',
    )
    apt.program("sleep", f": >{apt.folder}/free")
    done = apt.install("socat")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Waiting for another program that updates the package lists" in done.stdout
    assert "install --no-install-recommends socat" in apt.calls()


def test_a_broken_third_party_source_is_no_reason_to_give_up(apt: Apt) -> None:
    apt.program(
        "apt-get",
        f'echo "apt-get $*" >>{apt.told}\n'
        'case "$*" in *update*) echo "E: no Release file" >&2; exit 100 ;; esac',
    )
    done = apt.install("socat")
    assert done.returncode == 0
    assert "E: no Release file\nSome package sources could not be read" in done.stdout


def test_what_no_source_has_is_said_before_anything_is_installed(apt: Apt) -> None:
    apt.program("apt-cache", '[ "$2" != mmdebstrap ]')
    done = apt.install("socat", "mmdebstrap")
    assert done.returncode == 100
    assert "No package source of this system has: mmdebstrap\n" in done.stdout
    assert "add-apt-repository universe" in done.stdout
    assert "install" not in apt.calls()


def test_nothing_of_it_stays_behind(apt: Apt) -> None:
    before = set(os.listdir(apt.folder))
    apt.install("socat")
    assert set(os.listdir(apt.folder)) == before | {"told"}

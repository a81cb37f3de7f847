"""A machine that runs gets other ssh keys: what it shows, and whom it lets in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.wait import wait_until
from hypervisor.image import RECIPE
from machines.keys import CREDENTIAL, RENEW

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nNEW\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    """The places of a guest that matter, with programs that note how they were called."""
    (tmp_path / "run/credentials/@system").mkdir(parents=True)
    (tmp_path / "run/credentials/@system" / CREDENTIAL).write_text("OLD\n")
    (tmp_path / "run/halab-authorized_keys").write_text("ssh-ed25519 OLD halab\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/mount"
    program.write_text(f'#!/bin/sh\necho "mount $*" >>{tmp_path}/calls\n')
    program.chmod(0o700)
    return tmp_path


STARTS_AGAIN = f"""\
cat run/credentials/@system/{CREDENTIAL} run/halab-authorized_keys >shown
echo 1 >run/sshd.pid"""
"""A server reads its keys, and notes its process when it listens."""


@contextmanager
def sshd(guest: Path, when_told: str) -> Iterator[None]:
    """A server that listens, and what it does at the signal to start again."""
    pid_file = guest / "run/sshd.pid"
    program = f"trap '{when_told}\nexit' HUP; echo $$ >{pid_file}; while :; do sleep 0.05; done"
    with subprocess.Popen(["/bin/sh", "-c", program], cwd=guest) as server:
        wait_until(
            lambda: pid_file.exists() and pid_file.read_text(),
            bool,
            what="the server listens",
            timeout=10,
            interval=0.01,
        )
        yield
        server.kill()


def renew(guest: Path) -> int:
    script = RENEW.replace("/run/", f"{guest}/run/").replace("tries=200", "tries=5")
    path = f"{guest}/bin:{os.environ['PATH']}"
    given = f"ssh-ed25519 NEW halab\n{PRIVATE}"
    return subprocess.run(
        ["/bin/sh", "-c", script], input=given, text=True, env={"PATH": path}, check=False
    ).returncode


def test_both_keys_are_others_before_sshd_starts_again(guest: Path) -> None:
    with sshd(guest, STARTS_AGAIN):
        assert renew(guest) == 0

    host_key = guest / "run/credentials/@system" / CREDENTIAL
    assert host_key.read_text() == PRIVATE
    assert host_key.stat().st_mode & 0o777 == 0o400
    authorized = guest / "run/halab-authorized_keys"
    assert authorized.read_text() == "ssh-ed25519 NEW halab\n"
    assert authorized.stat().st_mode & 0o777 == 0o600
    calls = (guest / "calls").read_text().splitlines()
    assert [call.split(",")[-1].split()[0] for call in calls] == ["rw", "noexec"]
    # Whoever is told that it is done can come at once.
    assert (guest / "shown").read_text() == PRIVATE + "ssh-ed25519 NEW halab\n"
    assert sorted(path.name for path in host_key.parent.iterdir()) == [CREDENTIAL]


def test_a_server_that_does_not_come_back_is_no_success(guest: Path) -> None:
    with sshd(guest, ":"):
        assert renew(guest) != 0


def test_where_the_credential_cannot_be_exchanged_sshd_stays_as_it_is(guest: Path) -> None:
    (guest / "bin" / "mount").write_text("#!/bin/sh\nexit 32\n")

    assert renew(guest) != 0

    assert (guest / "run/halab-authorized_keys").read_text() == "ssh-ed25519 OLD halab\n"
    assert not (guest / "calls").exists()


def test_sshd_looks_where_the_keys_are_put() -> None:
    assert f"/run/credentials/@system/{CREDENTIAL}" in (RECIPE / "sshd.conf").read_text()
    assert "/run/halab-authorized_keys" in RENEW
    assert "/run/halab-authorized_keys" in (RECIPE / "early-network").read_text()

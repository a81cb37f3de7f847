"""A machine that runs gets other ssh keys: what it shows, and whom it lets in."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture
def sshd(guest: Path) -> Iterator[list[Path]]:
    """Who reads its keys when it starts, and notes its process when it listens.

    The list is of files that it shows then; an empty one stands for a server that fails.
    """
    shown = [
        guest / "run/credentials/@system" / CREDENTIAL,
        guest / "run/halab-authorized_keys",
    ]
    pid_file, ended = guest / "run/sshd.pid", threading.Event()

    def serve() -> None:
        """Be told by a signal, as the real one, in a process that can be given one."""
        hear = "trap 'exit 7' HUP; echo $$; while :; do sleep 0.05; done"
        with subprocess.Popen(["/bin/sh", "-c", hear], stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            pid_file.write_bytes(server.stdout.readline())
            started.set()
            while server.poll() is None and not ended.wait(0.01):
                pass
            server.kill()
        if server.returncode == 7 and shown:
            (guest / "shown").write_text("".join(path.read_text() for path in shown))
            pid_file.write_text("1\n")

    started = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(10)
    yield shown
    ended.set()
    thread.join()


def renew(guest: Path) -> int:
    script = RENEW.replace("/run/", f"{guest}/run/").replace("tries=200", "tries=5")
    path = f"{guest}/bin:{os.environ['PATH']}"
    given = f"ssh-ed25519 NEW halab\n{PRIVATE}"
    return subprocess.run(
        ["/bin/sh", "-c", script], input=given, text=True, env={"PATH": path}, check=False
    ).returncode


def test_both_keys_are_others_before_sshd_starts_again(guest: Path, sshd: list[Path]) -> None:
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


def test_a_server_that_does_not_come_back_is_no_success(guest: Path, sshd: list[Path]) -> None:
    sshd.clear()
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

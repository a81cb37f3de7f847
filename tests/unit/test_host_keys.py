"""Host keys are given: made once by halab, known before the first contact."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from cli.ssh import config_text, write_config
from core.command import run
from core.errors import HalabError
from core.folders import LabFolder
from infra.host_keys import ensure_host_key
from inventory.known_hosts import write_known_hosts
from inventory.model import Inventory, Machine, Ssh
from machines.remote import Remote, RemoteUnreachable
from tests.unit import provisioned_lab

keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not there; the first `up` installs it"
)


@keygen
def test_a_machine_keeps_its_key(tmp_path: Path) -> None:
    folder = LabFolder(tmp_path)

    made = ensure_host_key(folder, "node1")

    assert ensure_host_key(folder, "node1") == made
    assert made.private.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made.private.parent.iterdir()] == ["node1"]
    assert made.public.startswith("ssh-ed25519 ")


@keygen
def test_every_machine_has_a_key_of_its_own(tmp_path: Path) -> None:
    one, other = (ensure_host_key(LabFolder(tmp_path), name) for name in ("node1", "node2"))

    assert one.public != other.public
    assert one.mark != other.mark


@keygen
@pytest.mark.parametrize("left", ["", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb"])
def test_a_damaged_key_is_made_anew_and_everybody_can_tell(tmp_path: Path, left: str) -> None:
    folder = LabFolder(tmp_path)
    before = ensure_host_key(folder, "node1")
    before.private.write_text(left)

    after = ensure_host_key(folder, "node1")

    # What is named after the key shows that the machine has to be given another one.
    assert after.mark != before.mark


def test_openssh_learns_nothing_about_machines_whose_keys_are_given(tmp_path: Path) -> None:
    lab = with_keys(tmp_path, "ssh-ed25519 AAAA")

    write_known_hosts(lab)

    lines = (tmp_path / "known_hosts").read_text().splitlines()
    assert lines == [f"10.10.0.{number} ssh-ed25519 AAAA" for number in (1, 2, 9)]
    assert "StrictHostKeyChecking yes" in config_text(lab)


def test_what_was_learnt_about_other_machines_stays(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("10.10.0.1 ssh-ed25519 LEARNT\n")
    lab = with_keys(tmp_path, None)

    write_known_hosts(lab)

    assert (tmp_path / "known_hosts").read_text() == "10.10.0.1 ssh-ed25519 LEARNT\n"
    assert "StrictHostKeyChecking accept-new" in config_text(lab)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_nothing_keeps_nobody_out_of_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    folder, lab = LabFolder(tmp_path), with_keys(tmp_path, "ssh-ed25519 AAAA")
    config = Path(write_config(folder, lab))
    files = {path: path.read_bytes() for path in (config, tmp_path / "known_hosts")}

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as full:
        full.setattr("core.files.write_file", refuse)
        assert write_config(folder, lab) == str(config)

        for path in files:
            path.write_text("as it was before")
            with pytest.raises(OSError):
                write_config(folder, lab)
            path.write_bytes(files[path])

    for path in files:
        path.unlink()
    write_config(folder, lab)
    assert {path: path.read_bytes() for path in files} == files


def with_keys(tmp_path: Path, host_key: str | None) -> Inventory:
    lab = provisioned_lab.inventory()
    machines = tuple(
        machine.model_copy(
            update={
                "ssh": machine.ssh.model_copy(
                    update={"host_key": host_key, "known_hosts": tmp_path / "known_hosts"}
                )
            }
        )
        for machine in lab.machines
    )
    return lab.model_copy(update={"machines": machines})


@pytest.fixture
def client_key(tmp_path: Path) -> Path:
    path = tmp_path / "client"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path])
    return path


@pytest.fixture
def server() -> Iterator[tuple[int, paramiko.PKey]]:
    """Run a server that shows a host key and lets nobody in; give its port and that key."""
    key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, key), daemon=True)
        thread.start()
        yield listening.getsockname()[1], key
        listening.shutdown(socket.SHUT_RDWR)
    # Whoever was refused, on either side, does not stay connected.
    thread.join(10)
    assert not thread.is_alive()


def _serve(listening: socket.socket, key: paramiko.PKey) -> None:
    try:
        connection, _ = listening.accept()
    except OSError:
        return
    transport = paramiko.Transport(connection)
    transport.add_server_key(key)
    # The client is gone before it logs in, or is refused.
    try:
        transport.start_server(server=paramiko.ServerInterface())
        transport.join(60)
    except (paramiko.SSHException, EOFError, ConnectionError):
        pass
    finally:
        transport.close()


def reach(tmp_path: Path, client_key: Path, port: int, host_key: str | None) -> None:
    ssh = Ssh(
        host="127.0.0.1",
        port=port,
        key_file=client_key,
        known_hosts=tmp_path / "known_hosts",
        host_key=host_key,
    )
    described: Machine = provisioned_lab.inventory().machines[0]
    with Remote(described.model_copy(update={"ssh": ssh}), connect_timeout=5) as remote:
        remote.run("true")


@keygen
def test_the_machine_with_the_given_key_is_trusted_and_nothing_is_written(
    tmp_path: Path, client_key: Path, server: tuple[int, paramiko.PKey]
) -> None:
    port, key = server

    # It comes as far as the login, which this server refuses.
    with pytest.raises(RemoteUnreachable, match="does not accept the key"):
        reach(tmp_path, client_key, port, f"{key.get_name()} {key.get_base64()}")
    assert not (tmp_path / "known_hosts").exists()


@keygen
@pytest.mark.parametrize("kind", [paramiko.ECDSAKey, paramiko.RSAKey])
def test_a_machine_with_another_key_is_refused_at_once(
    tmp_path: Path,
    client_key: Path,
    server: tuple[int, paramiko.PKey],
    kind: type[paramiko.ECDSAKey | paramiko.RSAKey],
) -> None:
    other = kind.generate(bits=1024 if kind is paramiko.RSAKey else 256)

    with pytest.raises(HalabError, match="does not show its ssh host key") as caught:
        reach(tmp_path, client_key, server[0], f"{other.get_name()} {other.get_base64()}")
    # Waiting for a booting machine would go on until the time is up.
    assert not isinstance(caught.value, RemoteUnreachable)


@keygen
def test_a_key_that_is_none_is_said(tmp_path: Path, client_key: Path) -> None:
    with pytest.raises(HalabError, match="is no host key"):
        reach(tmp_path, client_key, 1, "ssh-ed25519 AAAA")

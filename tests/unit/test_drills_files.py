"""The client outside of a file server: it waits, and tells of a wait; it holds a lock, and looks.

Nothing is mounted here: a program that is called like `mount` puts a folder in place.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.clients import nfs
from drills.errand import Outcome
from drills.ledger import compare, parse_entries
from drills.probes import settled
from parts.services.folder import clear_entries, list_entries
from tests.unit.outside_client import RUN, Client

URL = "nfs://10.30.0.100/srv/data/export"

MOUNT = """#!/bin/sh
echo "$@" >>{told}
while [ ! -e {gate} ]; do sleep 0.05; done
for place; do :; done
rmdir "$place" && ln -s {folder} "$place"
"""


def can_bypass_its_cache(folder: Path) -> bool:
    probe = folder / "probe"
    probe.write_bytes(bytes(nfs.PAGE))
    try:
        os.close(os.open(probe, os.O_RDWR | os.O_DIRECT))
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


class Server:
    """A folder as a file server would have it; `gate` is there once it can be mounted."""

    def __init__(self, place: Path) -> None:
        self.folder, self.gate, self.told = place / "export", place / "gate", place / "told"
        (self.folder / "ledger").mkdir(parents=True)
        (self.folder / "lock").write_bytes(bytes(nfs.PAGE))
        self.programs = place / "programs"
        self.programs.mkdir()
        mount = self.programs / "mount"
        mount.write_text(MOUNT.format(told=self.told, gate=self.gate, folder=self.folder))
        mount.chmod(0o755)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    if not can_bypass_its_cache(tmp_path):
        pytest.skip("files here cannot be read past the cache")
    made = Server(tmp_path)
    monkeypatch.setenv("PATH", f"{made.programs}:/usr/bin:/bin")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    yield made
    # Whoever still waits for it must not do so for ever.
    made.gate.touch()


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path / "log", "writes", URL)
    yield made
    if made.process.poll() is None:
        made.end()


def test_it_mounts_what_waits_for_its_server(server: Server, client: Client) -> None:
    server.gate.touch()
    client.wait("probe", ok=True, count=1)
    words = server.told.read_text().split()
    assert words[words.index("-t") + 1] == "nfs4"
    options = words[words.index("-o") + 1].split(",")
    assert {"vers=4.2", "hard", "nosharecache", "port=2049"} <= set(options)
    assert "10.30.0.100:/srv/data/export" in words


def test_what_was_acknowledged_is_there(server: Server, client: Client) -> None:
    server.gate.touch()
    client.wait("write", ok=True, count=2)
    client.end()
    with os.popen(list_entries(str(server.folder / "ledger"), RUN)) as told:
        books = compare(client.attempts(), parse_entries(told.read()))
    assert books.complete, books
    assert books.acknowledged >= 2


def test_a_wait_is_told_while_it_lasts(server: Server, client: Client) -> None:
    """Nothing is refused and nothing given up: who waits longer than he would, says so."""
    client.wait("probe", ok=False, count=2)
    waiting = client.attempts("probe")
    assert {attempt.error for attempt in waiting} == {"TimeoutError"}
    assert all(attempt.ended - attempt.begun > 0.7 for attempt in waiting)
    # It was begun once, and goes on.
    server.gate.touch()
    client.wait("probe", ok=True, count=1)
    client.wait("write", ok=True, count=1)
    assert len(server.told.read_text().splitlines()) == 2
    last = client.attempts("probe")[-1]
    assert not settled(client.attempts(), last.wall + 1)


def test_it_ends_although_what_it_asked_for_never_does(client: Client) -> None:
    client.wait("probe", ok=False, count=1)
    client.end()


@pytest.fixture
def files(server: Server, monkeypatch: pytest.MonkeyPatch) -> nfs.Client:
    """Return a client that is in no hurry: what it is told is what counts here."""
    monkeypatch.setattr(nfs, "PROBE_TIMEOUT", 30.0)
    monkeypatch.setattr(nfs, "WRITE_TIMEOUT", 30.0)
    server.gate.touch()
    return nfs.Client(URL)


def test_nobody_promises_anything_without_the_lock(server: Server, files: nfs.Client) -> None:
    assert files.keep("run-1", "{}") == (False, "no lock")
    assert list((server.folder / "ledger").iterdir()) == []
    # Whoever asks holds it, at the same server.
    other = nfs.Client(URL)
    assert other.ask() == (True, "")
    assert files.keep("run-2", "{}") == (True, "")
    assert [path.name for path in (server.folder / "ledger").iterdir()] == ["run-2"]
    # A server that forgot it.
    assert other.held is not None
    os.close(other.held)
    assert files.keep("run-3", "{}") == (False, "no lock")


def test_half_an_entry_is_none(
    server: Server, files: nfs.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = nfs.Client(URL)
    assert holder.ask() == (True, "")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "fsync", full)
    assert files.keep("run-1", "{}") == (False, "ENOSPC")
    ledger = str(server.folder / "ledger")
    with os.popen(list_entries(ledger, RUN)) as told:
        assert parse_entries(told.read()) == ()
    os.system(clear_entries(ledger, f".{RUN}"))
    assert os.listdir(ledger) == []


def test_clients_do_not_keep_each_other_out(
    files: nfs.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.ask() == (True, "")
    assert nfs.Client(URL).ask() == (False, "EAGAIN")
    monkeypatch.setattr(nfs, "OWN_BYTE", nfs.OWN_BYTE + 1)
    assert nfs.Client(URL).ask() == (True, "")


def test_an_error_has_its_name(server: Server, files: nfs.Client) -> None:
    (server.folder / "lock").unlink()
    assert files.ask() == (False, "ENOENT")


def test_what_cannot_be_mounted_is_tried_again(server: Server, files: nfs.Client) -> None:
    mount = server.programs / "mount"
    whole = mount.read_text()
    mount.write_text("#!/bin/sh\nexit 32\n")
    assert files.ask() == (False, "not mounted")
    mount.write_text(whole)
    assert files.ask() == (True, "")


def test_nothing_begins_before_what_is_under_way_is_done(files: nfs.Client) -> None:
    files.mounted = True
    done, begun = threading.Event(), []

    def waits() -> Outcome:
        done.wait(20)
        return True, ""

    def notes() -> Outcome:
        begun.append(done.is_set())
        return True, ""

    assert files._within(0.1, waits) == (False, "TimeoutError")
    assert files._within(0.1, notes) == (False, "TimeoutError")
    done.set()
    assert files._within(5, notes) == (True, "")
    assert begun == [True]

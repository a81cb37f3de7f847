"""The client outside keeps its pace, tells success from failure and never promises too much."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from core.folders import PROJECT
from drills.probes import Attempt
from tests.unit.outside_client import Client

HERE, THERE, YONDER = "127.0.0.1", "127.0.0.2", "127.0.0.3"


class Service(BaseHTTPRequestHandler):
    stored: ClassVar[dict[str, bytes]] = {}
    broken: ClassVar[set[str]] = set()

    @property
    def is_broken(self) -> bool:
        return str(self.connection.getsockname()[0]) in Service.broken

    def do_GET(self) -> None:
        self.send_response(503 if self.is_broken else 200)
        self.end_headers()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.is_broken:
            Service.stored[self.path] = body
        self.send_response(500 if self.is_broken else 201)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """Serve at three addresses; return the port."""
    Service.stored, Service.broken = {}, set()
    with ExitStack() as stack:
        port = 0
        for address in (HERE, THERE, YONDER):
            made = stack.enter_context(ThreadingHTTPServer((address, port), Service))
            threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(made.shutdown)
            port = made.server_port
        yield port


@pytest.fixture
def client(port: int, tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path / "log", "writes", f"http://{HERE}:{port}/")
    yield made
    made.end()


@pytest.fixture
def turns(port: int, tmp_path: Path) -> Iterator[Client]:
    """Ask at three addresses in turn."""
    urls = (f"http://{address}:{port}/" for address in (HERE, THERE, YONDER))
    made = Client(tmp_path / "log", "reads", *urls)
    yield made
    made.end()


def test_what_was_acknowledged_is_what_was_sent(client: Client) -> None:
    client.wait("write", ok=True, count=2)
    writes = client.attempts("write")
    assert [write.entry for write in writes[:2]] == ["run-000001", "run-000002"]
    for write in writes:
        stored = Service.stored[f"/ledger/{write.entry}"]
        assert hashlib.sha256(stored).hexdigest() == write.sha256
        assert json.loads(stored)["entry"] == write.entry


def test_a_broken_service_is_seen_and_its_end_too(client: Client) -> None:
    client.wait("probe", ok=True, count=2)
    Service.broken = {HERE}
    client.wait("probe", ok=False, count=2)
    client.wait("write", ok=False, count=1)
    Service.broken = set()
    client.wait("probe", ok=True, count=5)
    entries = [attempt.entry for attempt in client.attempts("write")]
    assert len(set(entries)) == len(entries)


def test_it_ends_on_an_answer_that_is_only_late(client: Client) -> None:
    client.wait("probe", ok=True, count=2)
    Service.broken = {HERE}
    client.wait("probe", ok=False, count=1)
    client.process.send_signal(signal.SIGTERM)
    Service.broken = set()
    client.end()
    assert client.attempts("probe")[-1].ok


def test_it_does_not_wait_for_ever_for_an_answer(client: Client) -> None:
    client.wait("probe", ok=True, count=2)
    Service.broken = {HERE}
    client.wait("probe", ok=False, count=1)
    client.end()
    assert not client.attempts("probe")[-1].ok


def check_rhythm(probes: Sequence[Attempt]) -> None:
    """No more than five probes a second; on a machine that has time for them, no fewer."""
    gaps = [after.begun - before.begun for before, after in pairwise(probes)]
    # The first may have begun late.
    assert sum(gaps) / len(gaps) >= 0.19
    assert min(gaps) < 0.3


def test_five_probes_a_second(client: Client) -> None:
    client.wait("probe", ok=True, count=6)
    check_rhythm(client.attempts("probe"))


MEETING = """
import os, signal, sys, threading, time
from drills import outside

class Meeting:
    lock, happened = threading.Lock(), False
    def is_set(self):
        return self.happened
    def set(self):
        with self.lock:
            os.kill(os.getpid(), signal.SIGTERM)
            self.happened = True
    def wait(self, seconds):
        with self.lock:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)

outside.stop = Meeting()
outside.watch(*sys.argv[1:])
"""
"""A client that is told to end in the very moment in which it looks whether it shall, and in that
in which it is told."""


def test_it_ends_whenever_it_is_told_to(port: int, tmp_path: Path) -> None:
    words = (str(tmp_path / "log"), "run", "reads", "", f"http://{HERE}:{port}/")
    subprocess.run([sys.executable, "-c", MEETING, *words], check=True, timeout=20, cwd=PROJECT)


def test_nobody_listens(tmp_path: Path) -> None:
    client = Client(tmp_path / "log", "reads", "http://127.0.0.1:9/")
    client.wait("probe", ok=False, count=1)
    client.end()
    assert client.attempts()[0].error == "ConnectionRefusedError"


class TestTurns:
    def test_every_address_has_its_turn(self, turns: Client) -> None:
        turns.wait("probe", ok=True, count=9)
        probes = turns.attempts("probe")
        assert [probe.address for probe in probes[:9]] == [HERE, THERE, YONDER] * 3
        check_rhythm(probes)

    def test_nobody_writes_where_there_is_no_ledger(self, turns: Client) -> None:
        turns.wait("probe", ok=True, count=6)
        assert (turns.attempts("write"), Service.stored) == ((), {})

    def test_one_broken_address_is_told_from_the_others(self, turns: Client) -> None:
        turns.wait("probe", ok=True, count=3)
        Service.broken = {THERE}
        turns.wait("probe", ok=False, count=2)
        # Whom this machine was too busy to ask in time has said nothing.
        refused = {attempt.address for attempt in turns.attempts() if attempt.error == "503"}
        assert refused == {THERE}
        turns.wait("probe", ok=True, count=1, address=HERE)
        turns.wait("probe", ok=True, count=1, address=YONDER)

    def test_each_address_gets_a_last_chance(self, turns: Client) -> None:
        """One that is broken for good must not cost another its late answer."""
        turns.wait("probe", ok=True, count=3)
        Service.broken = {HERE, YONDER}
        turns.wait("probe", ok=False, count=4)
        turns.process.send_signal(signal.SIGTERM)
        Service.broken = {HERE}
        turns.end()
        last = {attempt.address: attempt.ok for attempt in turns.attempts("probe")}
        assert last == {HERE: False, THERE: True, YONDER: True}

    def test_entries_are_written_at_each_in_turn(self, port: int, tmp_path: Path) -> None:
        urls = (f"http://{address}:{port}/" for address in (THERE, HERE))
        made = Client(tmp_path / "log", "writes", *urls)
        made.wait("write", ok=True, count=4)
        made.end()
        written = [attempt.address for attempt in made.attempts("write")]
        assert set(written[::2]) | set(written[1::2]) == {THERE, HERE}
        assert len(set(written[::2])) == len(set(written[1::2])) == 1

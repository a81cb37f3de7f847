"""The client outside keeps its pace, tells success from failure and never promises too much."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from core.wait import wait_until
from drills import outside
from drills.probes import Attempt, parse_attempts


class Service(BaseHTTPRequestHandler):
    stored: ClassVar[dict[str, bytes]] = {}
    broken: ClassVar[bool] = False

    def do_GET(self) -> None:
        self.send_response(503 if Service.broken else 200)
        self.end_headers()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not Service.broken:
            Service.stored[self.path] = body
        self.send_response(500 if Service.broken else 201)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Service.stored, Service.broken = {}, False
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


class Client:
    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        words = [sys.executable, "-I", "-S", outside.__file__, "probe", url, str(log), "run"]
        self.process = subprocess.Popen(words)

    def attempts(self) -> tuple[Attempt, ...]:
        return parse_attempts(self.log.read_text()) if self.log.exists() else ()

    def wait(self, kind: str, *, ok: bool, count: int) -> None:
        wait_until(
            self.attempts,
            lambda found: sum(a.kind == kind and a.ok is ok for a in found) >= count,
            what=f"{count} {kind}s, ok {ok}",
            timeout=10,
            interval=0.05,
        )


@pytest.fixture
def client(server: ThreadingHTTPServer, tmp_path: Path) -> Iterator[Client]:
    made = Client(f"http://127.0.0.1:{server.server_port}/", tmp_path / "log")
    yield made
    made.process.send_signal(signal.SIGTERM)
    assert made.process.wait(timeout=10) == 0


def test_what_was_acknowledged_is_what_was_sent(client: Client) -> None:
    client.wait("write", ok=True, count=2)
    writes = [a for a in client.attempts() if a.kind == "write"]
    assert [write.entry for write in writes[:2]] == ["run-000001", "run-000002"]
    for write in writes:
        stored = Service.stored[f"/ledger/{write.entry}"]
        assert hashlib.sha256(stored).hexdigest() == write.sha256
        assert json.loads(stored)["entry"] == write.entry


def test_a_broken_service_is_seen_and_its_end_too(client: Client) -> None:
    client.wait("probe", ok=True, count=2)
    Service.broken = True
    client.wait("probe", ok=False, count=2)
    client.wait("write", ok=False, count=1)
    Service.broken = False
    client.wait("probe", ok=True, count=5)
    entries = [a.entry for a in client.attempts() if a.kind == "write"]
    assert len(set(entries)) == len(entries)


def test_it_ends_on_an_answer_that_is_only_late(client: Client) -> None:
    client.wait("probe", ok=True, count=2)
    Service.broken = True
    client.wait("probe", ok=False, count=1)
    client.process.send_signal(signal.SIGTERM)
    Service.broken = False
    assert client.process.wait(timeout=10) == 0
    assert [a for a in client.attempts() if a.kind == "probe"][-1].ok


def test_it_does_not_wait_for_ever_for_an_answer(client: Client) -> None:
    client.wait("probe", ok=True, count=2)
    Service.broken = True
    client.wait("probe", ok=False, count=1)
    client.process.send_signal(signal.SIGTERM)
    assert client.process.wait(timeout=10) == 0
    assert not [a for a in client.attempts() if a.kind == "probe"][-1].ok


def test_five_probes_a_second(client: Client) -> None:
    client.wait("probe", ok=True, count=6)
    probes = [a for a in client.attempts() if a.kind == "probe"]
    gap = (probes[5].begun - probes[0].begun) / 5
    assert 0.2 <= gap < 0.3


def test_nobody_listens(tmp_path: Path) -> None:
    client = Client("http://127.0.0.1:9/", tmp_path / "log")
    try:
        client.wait("probe", ok=False, count=1)
        assert client.attempts()[0].error == "ConnectionRefusedError"
    finally:
        client.process.terminate()
        client.process.wait(timeout=10)
